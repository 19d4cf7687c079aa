import { expect, test } from 'vitest'
import { systemRandom } from '../../src/clock.ts'
import { utf8 } from '../../src/encoding.ts'
import { bytesAt, decodeBody, type MimePart, parseMime } from '../../src/mime/index.ts'
import { composeSigned, readSigned } from '../../src/pgp-mime/index.ts'
import { ARMOR, compose } from './armor.ts'

const FROM = 'From: a@example.org\n'
const signedPart = async (message: string | Uint8Array) => (await compose(message)).signedText
const composedRoot = async (message: string) => parseMime((await compose(message)).composed)

test('header fields stay outside byte for byte, Content-* moves inside', async () => {
  const { composedText, signedText } = await compose(
    `Received: by x;  \n\tfolded\t\n${FROM}Bcc: secret@example.org\ncontent-type: text/plain;\n\tcharset=us-ascii \nSubject: ü\nContent-Language: en\n\nhello\n`,
  )
  expect(composedText).toMatch(
    /^Received: by x; {2}\r\n\tfolded\t\r\nFrom: a@example\.org\r\nBcc: secret@example\.org\r\nSubject: ü\r\nMIME-Version: 1\.0\r\nContent-Type: multipart\/signed; micalg="pgp-sha512";\r\n protocol="application\/pgp-signature";\r\n boundary="=_mailseal_[0-9a-f]{32}"\r\n\r\n--=_mailseal_/,
  )
  expect(signedText).toBe('content-type: text/plain;\r\n\tcharset=us-ascii\r\nContent-Language: en\r\n\r\nhello\r\n')
  expect(
    composedText.endsWith(`${ARMOR.replaceAll('\n', '\r\n').trimEnd()}\r\n--${boundaryOf(composedText)}--\r\n`),
  ).toBe(true)
})

const boundaryOf = (message: string) => /boundary="([^"]*)"/.exec(message)?.[1]

test('a MIME-Version that is there is not written twice', async () => {
  const root = await composedRoot(`MIME-Version: 1.0\n${FROM}\nhello`)
  expect(root.headers.fields('mime-version').map(({ value }) => value)).toEqual(['1.0'])
})

test('a body without a type gets the one that it has', async () => {
  expect(await signedPart(`${FROM}\nhello`)).toBe('Content-Type: text/plain; charset=us-ascii\r\n\r\nhello')
  expect(await signedPart(FROM)).toBe('Content-Type: text/plain; charset=us-ascii\r\n\r\n')
  expect(await signedPart(`${FROM}\ngrün`)).toBe(
    'Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\ngr=C3=BCn',
  )
  expect(await signedPart(Buffer.from(`${FROM}\ngrün`, 'latin1'))).toBe(
    'Content-Type: text/plain; charset=unknown-8bit\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\ngr=FCn',
  )
})

test('text is made safe: 8-bit, long lines, trailing blanks, From lines', async () => {
  const part = (body: string, encoding = '8bit') =>
    signedPart(`${FROM}Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: ${encoding}\n\n${body}`)
  expect(await part('plain\n')).toBe('Content-Type: text/plain; charset=utf-8\r\n\r\nplain\r\n')
  expect(await part('plain\n', '7bit')).toContain('\r\nContent-Transfer-Encoding: 7bit\r\n\r\nplain\r\n')
  expect(await part('From me\n-- \nü')).toMatch(/quoted-printable\r\n\r\n=46rom me\r\n=2D-=20\r\n=C3=BC$/)
  expect(await part('x'.repeat(998), '7bit')).toContain('x'.repeat(998))
  expect(await part('x'.repeat(999), '7bit')).toContain(`${'x'.repeat(75)}=\r\n`)
  expect(await part('a=20 \nFrom=20b=0A=\n c=', 'quoted-printable')).toMatch(
    /quoted-printable\r\n\r\na=20\r\n=46rom b=0A c$/,
  )
  expect(await part('RnJv\nbSA= \n', 'base64')).toMatch(/base64\r\n\r\nRnJvbSA=$/)
  expect(await part('a=20\nb', 'quoted-printable')).toMatch(/quoted-printable\r\n\r\na=20\r\nb$/)
})

test('other content becomes base64 of its exact bytes, lone line feeds included', async () => {
  for (const [encoding, content] of [
    ['8bit', 'é\n\n'],
    ['binary', 'a\nb\r\n'],
    ['7bit', 'a\n \n'],
  ] as const) {
    const message = `${FROM}Content-Type: application/json\nContent-Transfer-Encoding: ${encoding}\n\n${content}`
    const part = parseMime(utf8(await signedPart(message)))
    expect(part.transferEncoding).toBe('base64')
    expect(Buffer.from(decodeBody(part)).toString()).toBe(content)
  }
})

const NESTED_MAIL = 'Subject: inner\n\nhello \nFrom me\n'
const attach = (type: string, body: string, encoding = '8bit') =>
  `${FROM}Content-Type: multipart/mixed; boundary=b \nContent-Transfer-Encoding: 8bit\n\ngrüß\n--b  \nContent-Type: ${type}; \n x=y\nContent-Transfer-Encoding: ${encoding}\n\n${body}\n--b--\nend`

test('a multipart is walked: labels, delimiter padding, preamble, trailing blanks of header lines', async () => {
  expect(await signedPart(attach('text/html', '<p>ü'))).toBe(
    'Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html;\r\n x=y\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>=C3=BC\r\n--b--\r\nend',
  )
})

test('signed, encrypted and attached messages are not touched while they are 7-bit', async () => {
  const inner = `Content-Type: text/plain\n\ntrailing \nFrom me\n`
  for (const type of [
    'multipart/signed; boundary=s',
    'multipart/encrypted; boundary=s',
    'message/rfc822',
    'message/delivery-status',
  ]) {
    const text = await signedPart(attach(type, `--s\n${inner}\n--s--`))
    expect(text).toContain(`\r\n\r\n--s\r\n${inner.replaceAll('\n', '\r\n')}\r\n--s--\r\n--b--`)
  }
  expect(await signedPart(attach('message/rfc822', NESTED_MAIL))).toContain(NESTED_MAIL.replaceAll('\n', '\r\n'))
})

test('an attached message with 8-bit content is encoded inside', async () => {
  const text = await signedPart(attach('message/rfc822', 'Subject: inner\n\ngrün'))
  expect(text).toContain(
    'x=y\r\n\r\nMIME-Version: 1.0\r\nSubject: inner\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\ngr=C3=BCn\r\n--b--',
  )
})

test('what cannot be written safely is refused', async () => {
  const cases: [string, string][] = [
    [
      'of type multipart/signed is not 7-bit and must not be changed',
      attach('multipart/signed; boundary=s', '--s\n\nü\n--s--'),
    ],
    ['of type message/partial is not 7-bit and must not be changed', attach('message/partial', 'ü')],
    ['of type message/rfc822 is not 7-bit and must not be changed', attach('message/rfc822', 'ü', 'base64')],
    ['has a header field x-name that is not ASCII or too long', attach('text/plain\nX-Name: ü', 'x')],
    ['has a header field content-disposition that is not ASCII or too long', `${FROM}Content-Disposition: ü\n\n`],
    ['has a header line that is no field', attach('text/plain\nno field', 'x')],
    ['has a header line that is no field', attach('text/plain\nFrom : a@example.org', 'x')],
    ['is a multipart without parts', `${FROM}Content-Type: multipart/mixed; boundary=b\n\nnothing`],
    ['is a multipart without parts', `${FROM}Content-Type: multipart/mixed\n\n--b\n\n--b--`],
    ['is a multipart with a Content-Transfer-Encoding', attach('text/plain', 'x').replace('8bit', 'base64')],
    ['has two Content-Type fields', attach('text/plain\nContent-Type: text/html', 'x')],
    [
      'has two Content-Transfer-Encoding fields that differ',
      attach('text/plain\nContent-Transfer-Encoding: 7bit', 'x'),
    ],
  ]
  for (const [what, message] of cases) {
    await expect(compose(message)).rejects.toMatchObject({
      code: 'bad-data',
      message: `a part ${what}, so that the message can't be signed`,
    })
  }
  await expect(compose(attach('text/plain', 'ü', 'x-own'))).rejects.toMatchObject({
    code: 'bad-data',
    message: 'a part has an unknown Content-Transfer-Encoding',
  })
})

test('what is no plain message of one author is refused before anything is signed', async () => {
  const signed = await compose(`${FROM}\nhello`)
  const cases: [string, string][] = [
    ['message is empty', ''],
    ['message is already signed', signed.composedText],
    ['message is already encrypted', `${FROM}Content-Type: multipart/encrypted; boundary=b\n\n--b--`],
    ['message has no single From address', 'Subject: x\n\nhello'],
    ['message has no single From address', `${FROM}${FROM}\nhello`],
    ['message has no single From address', 'From: Eve <boss@example.org> <eve@example.org>\n\n'],
    ["message's header has a line that is no field", `From alice Mon\n${FROM}\n`],
    ["message's header has a line that is no field", `${FROM}Subject: a\rBcc: b@example.org\n\n`],
    ["message's header has a line that is no field", 'just text\n'],
  ]
  for (const [message, input] of cases) {
    let asked = false
    const sign = async () => {
      asked = true
      return ARMOR
    }
    const composing = composeSigned({ message: utf8(input), sign, micalg: 'pgp-sha512', random: systemRandom })
    await expect(composing).rejects.toMatchObject({ code: 'bad-data', message })
    expect(asked).toBe(false)
  }
})

test('a boundary that the content holds is drawn again', async () => {
  const taken = `--=_mailseal_${'00'.repeat(16)}`
  let draws = 0
  const random = (length: number) => new Uint8Array(length).fill(draws++)
  const sign = async () => ARMOR
  const composed = await composeSigned({ message: utf8(`${FROM}\na ${taken}`), sign, micalg: 'pgp-sha512', random })
  expect(Buffer.from(readSigned(composed)?.signedBytes ?? []).toString()).toContain(taken)
  expect(draws).toBe(2)
  const stuck = composeSigned({
    message: utf8(`${FROM}\na ${taken}`),
    sign,
    micalg: 'pgp-sha512',
    random: (length) => new Uint8Array(length),
  })
  await expect(stuck).rejects.toThrow(TypeError)
})

test('a message that no reader would take once it is wrapped is refused', async () => {
  const deep = Array.from({ length: 32 }, (_, i) => `Content-Type: multipart/mixed; boundary=b${i}\n\n--b${i}\n`).join(
    '',
  )
  await expect(compose(`${FROM}${deep}\nx`)).rejects.toMatchObject({
    code: 'too-large',
    message: "the message's parts nest deeper than 32",
  })
})

test('the signature part holds what sign gave', async () => {
  const { composed } = await compose(`${FROM}\nhello`)
  const root = parseMime(composed)
  const signature = root.children[1] as MimePart
  expect(signature.contentType.type).toBe('application/pgp-signature')
  expect(Buffer.from(bytesAt(root, signature.body)).toString()).toBe(ARMOR.trimEnd().replaceAll('\n', '\r\n'))
  expect(readSigned(composed)?.micalg).toBe('pgp-sha512')
})
