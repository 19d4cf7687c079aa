import { asText, formatTime, systemRandom, utf8 } from '@mailseal/common'
import { bytesAt, decodeBody, decodeHeader, parseAddresses, parseMime, singleFrom } from '@mailseal/common/mime'
import { readAttachment } from '@mailseal/common/offer'
import type { IssuedKey } from '@mailseal/common/rpc'
import { expect, test } from 'vitest'
import { composeEnrollmentMessage, DEFAULT_TEMPLATE, type EnrollmentTemplate, parseTemplate } from '../../src/index.ts'
import { issueKey, NOW } from '../issued.ts'

async function compose(issued: IssuedKey, template?: EnrollmentTemplate) {
  const options = { issued, now: NOW, random: systemRandom, ...(template && { template }) }
  const { bytes, holdsTemporaryKey } = await composeEnrollmentMessage(options)
  const message = parseMime(bytes)
  const [textPart, attachment] = message.children
  if (textPart === undefined || attachment === undefined) throw new Error('the message has no two parts')
  const header = (name: string) => message.headers.fields(name).map(({ value }) => value)
  const text = asText(decodeBody(textPart), 'text').replaceAll('\r\n', '\n')
  return { bytes, raw: Buffer.from(bytes).toString('latin1'), holdsTemporaryKey, message, header, text, attachment }
}

const times = (text: string, part: string) => text.split(part).length - 1

test('the message goes to the mailbox, from the organization, with all that an enrollment needs', async () => {
  const issued = await issueKey()
  const { message, header, text, attachment, raw } = await compose(issued)
  expect(singleFrom(message)).toEqual({ name: 'Example Ltd', address: 'mailseal@example.org' })
  expect(parseAddresses(header('to').join())).toEqual([{ name: 'Alice Example', address: 'alice@example.org' }])
  expect(header('subject')).toEqual(['Example Ltd: enroll in advanced security'])
  expect(new Date(header('date').join()).getTime()).toBe(NOW * 1000)
  expect(header('message-id').join()).toMatch(/^<[0-9a-f]{32}@example\.org>$/)
  expect(attachment.contentType.type).toBe('application/vnd.mailseal.enrollment')
  expect(attachment.headers.fields('content-disposition')[0]?.value).toBe('attachment; filename=enrollment.mailseal')
  expect(readAttachment(decodeBody(attachment))).toMatchObject({
    offer: issued.offer,
    mac: issued.mac,
    authority: issued.authority,
  })
  expect(times(text, issued.temporaryKey)).toBe(1)
  expect(times(raw, issued.temporaryKey)).toBe(1)
  expect(text).toContain(`until ${formatTime(issued.expires).slice(0, 10)} 12:00 UTC`)
})

test('every line ends with CRLF and is short enough for SMTP', async () => {
  const { raw } = await compose(await issueKey({ name: 'Zoë Ünïcødé 山田' }))
  expect(raw.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/)
  expect(Math.max(...raw.split('\r\n').map((line) => line.length))).toBeLessThanOrEqual(998)
})

test('lines of plain text stand in the message as they are, so that its file can be read', async () => {
  const long = `https://km.example.org/${'a'.repeat(300)}`
  const { raw } = await compose(await issueKey(), { subject: 'Hello', text: `.\n${long}\nFrom me\n\n{{temporaryKey}}` })
  expect(raw).toContain(`Content-Transfer-Encoding: 7bit\r\n\r\n.\r\n${long}\r\nFrom me\r\n\r\n`)
})

test("the default text names our agent's commands and no place is left in it", async () => {
  const { text } = await compose(await issueKey())
  const typed = [...text.matchAll(/^ {7}(mailseal .*)$/gm)].map(([, command]) => command)
  expect(typed).toEqual([
    'mailseal enroll welcome.eml',
    'mailseal enroll --address alice@example.org --server https://km.example.org',
  ])
  expect(text).toMatch(/The temporary key is read from the file\. Only if none stands in this\s+message, you are asked/)
  expect(text).not.toMatch(/before\. |old key/)
  expect(text).toContain('Hello Alice Example,')
  expect(text).not.toContain('{{')
})

const LOST = 'c'.repeat(40)
test.each([
  ['all of it comes back', { keys: 2, damaged: [] }, true],
  ['some of it is damaged', { keys: 1, damaged: [LOST] }, false],
  ['there is none', { keys: 0, damaged: [] }, false],
])(
  'who enrolls again reads that the key is new, and a promise about old mail only where %s',
  async (_, history, whole) => {
    const issued = await issueKey({ history })
    const { text } = await compose(issued)
    expect(text).toContain('You were enrolled before. This enrollment gives you a new key in place of\nthe last one.')
    expect(text.includes('Your old mail stays readable')).toBe(whole)
    expect(text).toContain(`\n\nThis is your temporary key.`)
    expect(times(text, issued.temporaryKey)).toBe(1)
    expect(text).not.toContain('{{')
  },
)

test('a mailbox without a name is greeted by its address', async () => {
  const { text, header } = await compose(await issueKey({ name: '' }))
  expect(text).toContain('Hello alice@example.org,')
  expect(header('to')).toEqual(['alice@example.org'])
})

const HOSTILE = [
  ['a comma and quotation marks', 'Example, "Alice" \\ Jr.'],
  ['an address', 'Boss <boss@example.com>'],
  ['a second header field', 'Alice\r\nBcc: eve@example.net'],
  ['a bare line end', 'Alice\nSubject: other'],
  ['an encoded word', '=?utf-8?q?Boss_=3Cboss=40example=2Ecom=3E?='],
  ['a group', 'everybody: eve@example.net;'],
  ['letters of many scripts', 'Łukasz 山田太郎 משה Ünïcødé'],
  ['64 characters of four bytes', '𝔄'.repeat(64)],
] as const

test.each(HOSTILE)('attack: a name with %s reaches nobody else (nodemailer encodes names)', async (_, name) => {
  const { header, message } = await compose(await issueKey({ name, organization: name.replace(/[\r\n]+/g, ' ') }))
  expect(parseAddresses(header('to').join()).map(({ address }) => address)).toEqual(['alice@example.org'])
  expect(singleFrom(message)?.address).toBe('mailseal@example.org')
  expect(message.headers.all.map((field) => field.name).sort()).toEqual([
    'auto-submitted',
    'content-type',
    'date',
    'from',
    'message-id',
    'mime-version',
    'subject',
    'to',
  ])
})

test.each(HOSTILE.filter(([what]) => /comma|scripts|four bytes/.test(what)))(
  'a name with %s arrives as it is',
  async (_, name) => {
    const { header, text } = await compose(await issueKey({ name, organization: name }))
    expect(parseAddresses(header('to').join())).toEqual([{ name, address: 'alice@example.org' }])
    expect(decodeHeader(header('subject').join())).toContain(name)
    expect(text).toContain(`Hello ${name},`)
  },
)

test('attack: a name that is a place does not bring the key a second time (places are filled once)', async () => {
  const issued = await issueKey({ name: '{{temporaryKey}}', organization: '{{temporaryKey}}' })
  const { bytes, text, header } = await compose(issued)
  expect(times(text, issued.temporaryKey)).toBe(1)
  expect(header('subject').join()).toContain('{{temporaryKey}}')
  expect(times(Buffer.from(bytes).toString(), issued.temporaryKey)).toBe(1)
})

test('a text without its place keeps the key out of the message', async () => {
  const issued = await issueKey()
  const template = { ...DEFAULT_TEMPLATE, text: DEFAULT_TEMPLATE.text.replace('{{temporaryKey}}', '') }
  const { holdsTemporaryKey, message, raw } = await compose(issued, template)
  expect(holdsTemporaryKey).toBe(false)
  const decoded = message.children.map((part) => Buffer.from(decodeBody(part)).toString())
  expect([raw, ...decoded].join('\n')).not.toContain(issued.temporaryKey)
  expect((await compose(issued)).holdsTemporaryKey).toBe(true)
})

test('a text of long lines and another script keeps the key whole', async () => {
  const issued = await issueKey()
  const text = `${'Ключ '.repeat(200)}{{temporaryKey}}${' и адрес'.repeat(200)}`
  expect(times((await compose(issued, { subject: 'Ключ', text })).text, issued.temporaryKey)).toBe(1)
})

test('what was issued for another mailbox or with another key is not mailed', async () => {
  const issued = await issueKey()
  const other = await issueKey({ address: 'bob@example.org' })
  await expect(compose({ ...issued, address: 'bob@example.org' })).rejects.toMatchObject({
    code: 'untrusted',
    message: 'the offer for bob@example.org names another mailbox',
  })
  await expect(compose({ ...issued, temporaryKey: other.temporaryKey })).rejects.toMatchObject({
    code: 'untrusted',
    message: 'the offer was not made for this temporary key',
  })
})

test('the text part is what the message begins with', async () => {
  const { message } = await compose(await issueKey())
  expect(message.contentType.type).toBe('multipart/mixed')
  expect(message.children.map(({ contentType }) => contentType.type)).toEqual([
    'text/plain',
    'application/vnd.mailseal.enrollment',
  ])
  expect(bytesAt(message, message.preamble)).toHaveLength(0)
})

test('a text file gives the subject in its first line, or none', () => {
  const read = (text: string) => parseTemplate(utf8(text), 'file "w.txt"', 'Default')
  expect(read('\uFEFFSubject: Welcome {{name}}\r\n\r\nYour key:\r\n{{temporaryKey}}\r\n')).toEqual({
    subject: 'Welcome {{name}}',
    text: 'Your key:\n{{temporaryKey}}\n',
  })
  expect(read('Subject: is what this is about')).toMatchObject({ subject: 'Default' })
  expect(read('Your key')).toEqual({ subject: 'Default', text: 'Your key' })
})

const REFUSED = [
  [' \n', 'bad-data', 'file "w.txt" is empty'],
  ['a\n{{secret}}', 'bad-data', 'file "w.txt", line 2: unknown placeholder'],
  ['{{ name }}', 'bad-data', 'file "w.txt", line 1: unknown placeholder'],
  [
    '{{temporaryKey}}\n\n{{temporaryKey}}',
    'bad-data',
    'file "w.txt", line 3: the temporary key stands in the text twice',
  ],
  [
    'Subject: {{temporaryKey}}\n\nHello',
    'bad-data',
    'file "w.txt", line 1: the temporary key can\'t stand in the subject',
  ],
  ['x'.repeat(32 * 1024 + 1), 'too-large', 'file "w.txt" is larger than 32768 bytes'],
] as const

test.each(REFUSED)('a text that is wrong is refused, with the line: %j', (text, code, message) => {
  expect(() => parseTemplate(utf8(text), 'file "w.txt"', 'Default')).toThrow(expect.objectContaining({ code, message }))
})
