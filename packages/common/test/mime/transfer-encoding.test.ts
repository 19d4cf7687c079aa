import fc from 'fast-check'
import { expect, test } from 'vitest'
import { concat, utf8 } from '../../src/encoding.ts'
import {
  decodeBody,
  decodeQuotedPrintable,
  encodeBase64,
  encodeQuotedPrintable,
  parseMime,
} from '../../src/mime/index.ts'

const quoted = (text: string) => Buffer.from(encodeQuotedPrintable(utf8(text))).toString()
const unquoted = (text: string) => Buffer.from(decodeQuotedPrintable(utf8(text))).toString()
const bodyOf = (encoding: string, body: Uint8Array) =>
  decodeBody(parseMime(concat(utf8(`Content-Transfer-Encoding: ${encoding}\r\n\r\n`), body)))

test('quoted-printable escapes what mail servers and boundaries touch', () => {
  expect(quoted('From me\r\nnot From\r\n')).toBe('=46rom me\r\nnot From\r\n')
  expect(quoted('--b\r\n- x\r\n.\r\n')).toBe('=2D-b\r\n- x\r\n=2E\r\n')
  expect(quoted('blank \r\ntab\t')).toBe('blank=20\r\ntab=09')
  expect(quoted('a=ü\r\0\n')).toBe('a=3D=C3=BC=0D=00=0A')
  expect(quoted(`${'x'.repeat(75)}From y`)).toBe(`${'x'.repeat(75)}=\r\n=46rom y`)
})

test('quoted-printable of any text comes back, in lines of 76 at most', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('\r\n', ' ', '\t', 'From ', '--', '.', '=', 'é', '\r', '\n', 'word'), {
        maxLength: 200,
      }),
      (all) => {
        const text = utf8(all.join(''))
        const encoded = encodeQuotedPrintable(text)
        expect(Buffer.from(decodeQuotedPrintable(encoded))).toEqual(Buffer.from(text))
        for (const line of Buffer.from(encoded).toString().split('\r\n')) {
          expect(line.length).toBeLessThanOrEqual(76)
          expect(line).not.toMatch(/^From |^--|^\.|[ \t\r\n\0]$/)
        }
      },
    ),
  )
})

test('quoted-printable as others write it', () => {
  expect(unquoted('a=20\nb =  \nc  \nd=\r\ne=3d=XYf=')).toBe('a \nb c\nde==XYf')
})

test('base64 of any bytes comes back, in lines of 76 at most', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      const encoded = encodeBase64(bytes)
      expect(Buffer.from(bodyOf('BASE64 (comment)', encoded))).toEqual(Buffer.from(bytes))
      expect(Buffer.from(encoded).toString()).toMatch(/^(?:[\w+/=]{76}\r\n)*[\w+/=]{0,76}$/)
    }),
  )
})

test('an unknown encoding is refused', () => {
  expect(() => bodyOf('x-uuencode', utf8('x'))).toThrow(
    expect.objectContaining({ code: 'bad-data', message: 'a part has an unknown Content-Transfer-Encoding' }),
  )
})
