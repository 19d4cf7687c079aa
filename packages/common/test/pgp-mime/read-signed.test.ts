import { expect, test } from 'vitest'
import { utf8 } from '../../src/encoding.ts'
import { LIMITS } from '../../src/limits.ts'
import { parseMime } from '../../src/mime/index.ts'
import { canonicalText, readSigned } from '../../src/pgp-mime/index.ts'

const PROTOCOL = 'application/pgp-signature'
const signedMessage = ({
  type = `multipart/signed; micalg=PGP-SHA512; protocol="${PROTOCOL}"; boundary=b`,
  parts = ['Content-Type: text/plain\n\nhello \n', `Content-Type: ${PROTOCOL}\n\narmor`],
} = {}) =>
  utf8(`From: a@example.org\nContent-Type: ${type}\n\n${parts.map((part) => `--b\n${part}\n`).join('')}--b--\n`)
const asString = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString()

test('the signed bytes stand as they are, without the line end of the boundary', () => {
  const message = signedMessage()
  for (const input of [message, parseMime(message)]) {
    const signed = readSigned(input)
    expect(asString(signed?.signedBytes)).toBe('Content-Type: text/plain\n\nhello \n')
    expect(asString(signed?.signature)).toBe('armor')
    expect(signed?.micalg).toBe('pgp-sha512')
  }
})

test('an encoded signature is decoded', () => {
  const encoded = `Content-Type: ${PROTOCOL}\nContent-Transfer-Encoding: base64\n\nYXJt\nb3I=`
  expect(asString(readSigned(signedMessage({ parts: ['\nx', encoded] }))?.signature)).toBe('armor')
})

test('null for what is not signed at its root, or in another way', () => {
  expect(readSigned(utf8('From: a@example.org\n\nhello'))).toBeNull()
  expect(readSigned(signedMessage({ type: 'multipart/mixed; boundary=b' }))).toBeNull()
  expect(
    readSigned(signedMessage({ type: 'multipart/signed; protocol="application/pkcs7-signature"; boundary=b' })),
  ).toBeNull()
  const wrapped = asString(signedMessage()).replace('From: a@example.org\n', '')
  expect(readSigned(utf8(`Content-Type: multipart/mixed; boundary=w\n\n--w\n${wrapped}\n--w--`))).toBeNull()
})

test('what claims to be signed but is not formed so is refused', () => {
  const malformed: [string, Parameters<typeof signedMessage>[0]][] = [
    ['does not say how it is signed', { type: 'multipart/signed; boundary=b' }],
    ['does not have two parts', { parts: ['\nx'] }],
    ['does not have two parts', { parts: ['\nx', `Content-Type: ${PROTOCOL}\n\nz`, '\ny'] }],
    ['does not have two parts', { type: `multipart/signed; protocol="${PROTOCOL}"` }],
    ['does not have two parts', { type: `multipart/signed; protocol="${PROTOCOL}"; boundary=b; boundary=c` }],
    [`has no ${PROTOCOL} as its second part`, { parts: [`Content-Type: ${PROTOCOL}\n\nz`, '\nx'] }],
  ]
  for (const [what, changes] of malformed) {
    expect(() => readSigned(signedMessage(changes))).toThrow(
      expect.objectContaining({ code: 'bad-data', message: `the signed message ${what}` }),
    )
  }
  const huge = `Content-Type: ${PROTOCOL}\n\n${'x'.repeat(LIMITS.detachedSignature + 1)}`
  expect(() => readSigned(signedMessage({ parts: ['\nx', huge] }))).toThrow(
    expect.objectContaining({ code: 'too-large', message: 'the signature is larger than 262144 bytes' }),
  )
})

test('canonical text changes line ends only', () => {
  expect(asString(canonicalText(utf8('a \nb\r\n\r\n\n\rc\t')))).toBe('a \r\nb\r\n\r\n\r\n\rc\t')
  const canonical = utf8('a\r\n')
  expect(canonicalText(canonical)).toBe(canonical)
})
