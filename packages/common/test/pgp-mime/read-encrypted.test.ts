import * as openpgp from 'openpgp'
import { describe, expect, it } from 'vitest'
import { armored } from '../../src/certificate/message-armor.ts'
import { concat, utf8 } from '../../src/encoding.ts'
import { bytesAt, encodeBase64, parseMime } from '../../src/mime/index.ts'
import { isHeaderProtected, readEncrypted, shownPart, withoutLegacyDisplay } from '../../src/pgp-mime/index.ts'

const ARMOR = armored(openpgp.enums.armor.message, new Uint8Array(40).fill(0xd2)).replaceAll('\n', '\r\n')
const PARTS = [
  'Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1',
  `Content-Type: application/octet-stream\r\n\r\n${ARMOR}`,
]
const TYPE = 'multipart/encrypted; protocol="application/pgp-encrypted"; boundary=b'

const multipart = (parts: readonly string[], type = TYPE) =>
  `From: a@example.org\r\nContent-Type: ${type}\r\n\r\n${parts.map((part) => `--b\r\n${part}\r\n`).join('')}--b--\r\n`
const read = (message: string | Uint8Array) =>
  readEncrypted(parseMime(typeof message === 'string' ? utf8(message) : message))
const textOf = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString()

describe('an encrypted message', () => {
  it('is read as RFC 3156 writes it, armored or not', () => {
    expect(read(multipart(PARTS))).toMatchObject({ kind: 'mime' })
    expect(textOf(read(multipart(PARTS))?.sealed).trim()).toBe(ARMOR.trim())
    const binary = Uint8Array.of(0xd2, 1, 2, 3)
    const part = `Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n${Buffer.from(encodeBase64(binary)).toString()}`
    expect(read(multipart([PARTS[0] as string, part]))?.sealed).toEqual(Buffer.from(binary))
  })

  it.each([
    [multipart(PARTS, 'multipart/encrypted; boundary=b'), 'does not say how it is encrypted'],
    [multipart(PARTS.slice(0, 1)), 'does not have two parts'],
    [multipart([...PARTS, 'Content-Type: text/html\r\n\r\n<img src="http://eve.example/']), 'does not have two parts'],
    [multipart([...PARTS].reverse()), 'has no application/pgp-encrypted as its first part'],
    [
      multipart(['Content-Type: application/pgp-encrypted\r\n\r\nVersion: 2', PARTS[1] as string]),
      'is of an unknown version',
    ],
    [
      multipart([PARTS[0] as string, `Content-Type: text/plain\r\n\r\n${ARMOR}`]),
      'has no application/octet-stream as its second part',
    ],
    [
      multipart([PARTS[0] as string, `Content-Type: application/octet-stream\r\n\r\n${ARMOR}${ARMOR}`]),
      'has something else than one OpenPGP message in its second part',
    ],
  ])('is refused if it %#', (message, fault) => {
    expect(() => read(message)).toThrow(
      expect.objectContaining({ code: 'bad-data', message: `the encrypted message ${fault}` }),
    )
  })

  it('is not one of another protocol, or with another layer around it', () => {
    expect(read(multipart(PARTS, 'multipart/encrypted; protocol="application/x-other"; boundary=b'))).toBe(null)
    expect(read(multipart([multipart(PARTS).replaceAll('b', 'c')], 'multipart/mixed; boundary=b'))).toBe(null)
  })
})

describe('a text', () => {
  const header = 'From: a@example.org\r\nSubject: x\r\n'

  it('that is one armored message is one, whatever its transfer encoding', () => {
    expect(read(`${header}\r\n${ARMOR}`)).toMatchObject({ kind: 'text' })
    expect(read(`${header}\r\n\r\n \r\n${ARMOR}\r\n\r\n`)).toMatchObject({ kind: 'text' })
    const encoded = concat(utf8(`${header}Content-Transfer-Encoding: base64\r\n\r\n`), encodeBase64(utf8(ARMOR)))
    expect(textOf(read(encoded)?.sealed)).toBe(ARMOR)
  })

  it('with anything around the armor is none', () => {
    for (const body of [
      `Hi!\r\n${ARMOR}`,
      `${ARMOR}-- \r\nAlice`,
      `${ARMOR}${ARMOR}`,
      ARMOR.slice(0, -10),
      '-----BEGIN PGP MESSAGE-----',
    ]) {
      expect(read(`${header}\r\n${body}`), body).toBe(null)
    }
    expect(read(`${header}Content-Type: text/html\r\n\r\n${ARMOR}`)).toBe(null)
    expect(read(`${header}Content-Transfer-Encoding: x-unknown\r\n\r\n${ARMOR}`)).toBe(null)
  })

  it('without a header is a file', () => {
    expect(read(ARMOR)).toMatchObject({ kind: 'file' })
    expect(read(`\n${ARMOR.replaceAll('\r\n', '\n')}`)).toMatchObject({ kind: 'file' })
  })

  it('is searched through in no time, however it is made', () => {
    const begin = performance.now()
    expect(
      read(`${header}\r\n-----BEGIN PGP MESSAGE-----\r\n${'-----'.repeat(2_000_000)}\r\n-----END PGP MESSAGE-----`),
    ).toBe(null)
    expect(performance.now() - begin).toBeLessThan(5000)
  })
})

describe('protected headers', () => {
  const payload = (type: string) => parseMime(utf8(`Subject: x\r\nContent-Type: ${type}\r\n\r\n`))

  it('are those that say so in one of the agreed ways', () => {
    for (const word of ['hp="cipher"', 'hp=clear', 'HP=Cipher', 'protected-headers="v1"']) {
      expect(isHeaderProtected(payload(`text/plain; ${word}`)), word).toBe(true)
    }
    for (const word of ['hp=""', 'hp=yes', 'x-hp=cipher', 'hp=cipher; hp=clear', 'protected-headers=v2']) {
      expect(isHeaderProtected(payload(`text/plain; ${word}`)), word).toBe(false)
    }
  })

  it('are not shown twice where an older program put a copy into the text', () => {
    const text = 'Subject: x\nTo: y\n\nAt noon?\n\nAlice\n'
    expect(withoutLegacyDisplay(payload('text/plain; hp=cipher; hp-legacy-display=1'), text)).toBe(
      'At noon?\n\nAlice\n',
    )
    expect(withoutLegacyDisplay(payload('text/plain; hp=cipher'), text)).toBe(text)
    const nested = parseMime(
      utf8(
        'Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; hp-legacy-display="1"\r\n\r\n\r\n--b--',
      ),
    )
    expect(withoutLegacyDisplay(nested, text)).toBe('At noon?\n\nAlice\n')
  })

  it('are not shown twice where an older program put a part before the text for a copy', () => {
    const shown = (own: string, ...types: string[]) => {
      const parts = types.map((type, index) => `--b\r\nContent-Type: ${type}\r\n\r\n${index}\r\n`)
      const part = shownPart(parseMime(utf8(`Content-Type: ${own}; boundary=b\r\n\r\n${parts.join('')}--b--`)))
      return part.children.length === 0 ? new TextDecoder().decode(bytesAt(part, part.body)) : 'all'
    }
    const [mixed, copy] = ['multipart/mixed; protected-headers=v1', 'text/plain; protected-headers="v1"']
    expect(shown(mixed, copy, 'text/html')).toBe('1')
    expect(shown(mixed, 'text/rfc822-headers; protected-headers=v1', 'text/plain')).toBe('1')
    expect(shown(mixed, copy)).toBe('all')
    expect(shown(mixed, copy, 'text/plain', 'image/png')).toBe('all')
    expect(shown(mixed, 'text/plain', 'text/plain')).toBe('all')
    expect(shown(mixed, 'text/html; protected-headers=v1', 'text/plain')).toBe('all')
    expect(shown('multipart/mixed', copy, 'text/plain')).toBe('all')
    expect(shown('multipart/alternative; protected-headers=v1', copy, 'text/plain')).toBe('all')
  })
})
