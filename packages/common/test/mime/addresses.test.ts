import fc from 'fast-check'
import { expect, test } from 'vitest'
import { utf8 } from '../../src/encoding.ts'
import { MailsealError } from '../../src/errors.ts'
import { decodeHeader, formatAddresses, parseAddresses, parseMime, singleFrom } from '../../src/mime/index.ts'

const from = (...values: string[]) =>
  singleFrom(parseMime(utf8(`${values.map((value) => `From: ${value}\r\n`).join('')}\r\n`)))

test('addresses in every form that means one thing', () => {
  expect(
    parseAddresses('Alice Doe <alice@Example.ORG>, bob@example.org (Bob), "Carl, \\"C\\"" <carl@example.org>,'),
  ).toEqual([
    { name: 'Alice Doe', address: 'alice@example.org' },
    { name: '', address: 'bob@example.org' },
    { name: 'Carl, "C"', address: 'carl@example.org' },
  ])
  expect(parseAddresses('Friends: dan@example.org, <eve@example.org>;, frank@example.org')).toHaveLength(3)
  expect(parseAddresses('undisclosed-recipients:;')).toEqual([])
  expect(parseAddresses('')).toEqual([])
  expect(parseAddresses('a@example.org <a@Example.org>')).toEqual([{ name: '', address: 'a@example.org' }])
  expect(parseAddresses('=?utf-8?B?w7w=?= =?utf-8?Q?_x?= <u@bücher.example>')).toEqual([
    { name: 'ü x', address: 'u@xn--bcher-kva.example' },
  ])
})

test('an encoded word inside quotation marks is no encoded word, and none makes an address', () => {
  expect(from('"=?utf-8?Q?a?=" <eve@example.org>')).toEqual({ name: '=?utf-8?Q?a?=', address: 'eve@example.org' })
  expect(from('=?utf-8?Q?<boss=40example.org>?= <eve@example.org>')).toBeNull()
  expect(from('=?utf-8?Q?=3Cboss=40example.org=3E?= <eve@example.org>')).toEqual({
    name: '<boss@example.org>',
    address: 'eve@example.org',
  })
})

for (const value of [
  'Eve <boss@example.org> <eve@example.org>',
  'boss@example.org <eve@example.org>',
  'boss@example.org, eve@example.org',
  'boss@example.org eve@example.org',
  '<boss@example.org> eve@example.org',
  'Group: boss@example.org;',
  'Empty:;, boss@example.org',
  '<@relay.example:boss@example.org>',
  'boss @example.org',
  '"boss"@example.org',
  'boss@[127.0.0.1]',
  'boss@example.org (open',
  '"boss <boss@example.org>',
  '<boss@example.org',
  'boss@exam\0ple.org',
  '',
]) {
  test(`nobody can say whom "${value}" is from`, () => expect(from(value)).toBeNull())
}

test('a message is from one person: one field, in whatever spelling', () => {
  expect(from('Boss <boss@example.org>')).toEqual({ name: 'Boss', address: 'boss@example.org' })
  expect(from('boss@example.org', 'boss@example.org')).toBeNull()
  expect(singleFrom(parseMime(utf8('From: boss@example.org\nfrom : eve@example.org\n\n')))).toBeNull()
  expect(from()).toBeNull()
})

test('a broken list is an error, not a shorter list', () => {
  for (const value of ['a@example.org b@example.org', 'a@example.org;', 'A: B: a@example.org;', 'A: a@example.org']) {
    expect(() => parseAddresses(value)).toThrow(
      expect.objectContaining({ code: 'bad-data', message: 'this is not a list of e-mail addresses' }),
    )
  }
  expect(() => parseAddresses('no address')).toThrow(MailsealError)
})

test('encoded words', () => {
  expect(decodeHeader('Re: =?iso-8859-1?q?caf=E9?= =?ISO-8859-15*fr?Q?_=A4?= ok')).toBe('Re: café € ok')
  expect(decodeHeader('=?utf-8?Q?=C3?= =?utf-8?Q?=BC?=')).toBe('ü')
  expect(decodeHeader('=?windows-1252?Q?=93a=94?=')).toBe('“a”')
  expect(decodeHeader('=?utf-8?Q?a?=b =?utf-8?Q?c?=')).toBe('ab c')
  for (const plain of ['', 'a =? b', '=?utf-8?X?a?=', '=?nope?Q?a?=', '=?utf-8?Q?a b?=', '=?utf-8?Q?a']) {
    expect(decodeHeader(plain)).toBe(plain)
  }
})

test('addresses that are written are read as they were, on lines that no server cuts', () => {
  const name = fc.string({ unit: 'grapheme', maxLength: 300 })
  const mailbox = fc.record({ name, address: fc.constantFrom('alice@example.org', 'b.c+d@xn--bcher-kva.example') })
  fc.assert(
    fc.property(fc.array(mailbox, { minLength: 1, maxLength: 5 }), (mailboxes) => {
      const field = `To: ${formatAddresses(mailboxes)}`
      for (const line of field.split('\r\n')) expect(line).toMatch(/^[\x20-\x7e]{0,500}$/)
      const [to] = parseMime(utf8(`${field}\r\n\r\n`)).headers.all
      expect(parseAddresses(to?.value ?? '')).toEqual(mailboxes)
    }),
    { numRuns: process.env.SLOW ? 20_000 : 300 },
  )
})
