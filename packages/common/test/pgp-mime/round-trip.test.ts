import fc from 'fast-check'
import { expect, test } from 'vitest'
import { concat, equalBytes, utf8 } from '../../src/encoding.ts'
import { MailsealError } from '../../src/errors.ts'
import { decodeBody, encodeBase64, encodeQuotedPrintable, type MimePart, parseMime } from '../../src/mime/index.ts'
import { canonicalText, readEncrypted, readSigned } from '../../src/pgp-mime/index.ts'
import { compose, composeSealed } from './armor.ts'

const RUNS = process.env.SLOW ? 20_000 : 300

interface Tree {
  readonly bytes: Uint8Array
  readonly contents: readonly Uint8Array[]
}

const words = ['\r\n', '\r\n', ' ', '\t', 'From ', '--', '--b1', '=', 'é', 'word', '.', 'x'.repeat(1000), 'a: b']
const text = fc.array(fc.constantFrom(...words), { maxLength: 30 }).map((all) => utf8(all.join('')))
const anyBytes = fc.oneof(text, fc.uint8Array({ maxLength: 80 }))

const textLeaf = text.map((content) => leaf('text/plain; charset=utf-8', '8bit', content, content))
/** Encoded content may hold the boundaries around it; blanks at line ends make it unsafe, so that it is encoded again. */
const encodedText = fc
  .array(fc.constantFrom(...words, '--tree-1-0123456789', '--tree-3-'), { maxLength: 30 })
  .map((all) => utf8(all.join('')))
const quotedLeaf = encodedText.map((content) =>
  leaf('text/html', 'quoted-printable', padded(encodeQuotedPrintable(content)), content),
)
const binaryLeaf = anyBytes.map((content) => leaf('image/png', 'binary', content, content))
const base64Leaf = fc
  .oneof(encodedText, anyBytes)
  .map((content) => leaf('application/pdf', 'base64', padded(encodeBase64(content)), content))

function padded(body: Uint8Array): Uint8Array {
  return utf8(Buffer.from(body).toString().replaceAll('\r\n', ' \t\r\n'))
}

function leaf(type: string, encoding: string, body: Uint8Array, content: Uint8Array): Tree {
  const header = `Content-Type: ${type}\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n`
  return { bytes: concat(utf8(header), body), contents: [content] }
}

function multipart(children: readonly Tree[], depth: number): Tree {
  const boundary = `tree-${depth}-${'0123456789'.repeat(depth % 3)}`
  const parts = children.flatMap(({ bytes }) => [utf8(`--${boundary}\r\n`), bytes, utf8('\r\n')])
  const header = utf8(`Content-Type: multipart/mixed; boundary="${boundary}"\r\n\r\n`)
  return {
    bytes: concat(header, ...parts, utf8(`--${boundary}--\r\n`)),
    contents: children.flatMap(({ contents }) => contents),
  }
}

const tree = (depth: number): fc.Arbitrary<Tree> => {
  const leaves = fc.oneof(textLeaf, quotedLeaf, binaryLeaf, base64Leaf)
  if (depth === 0) return leaves
  const nested = fc.array(tree(depth - 1), { minLength: 1, maxLength: 3 }).map((children) => multipart(children, depth))
  return fc.oneof(leaves, nested)
}

function leavesOf(part: MimePart): MimePart[] {
  return part.children.length === 0 ? [part] : part.children.flatMap(leavesOf)
}

test('any tree: the bytes that were signed are read back, are safe, and hold the same content', async () => {
  await fc.assert(
    fc.asyncProperty(tree(3), async ({ bytes, contents }) => {
      const { composed, signedBytes, signedText } = await compose(concat(utf8('From: a@example.org\r\n'), bytes))
      const signed = readSigned(composed)
      expect(equalBytes(signed?.signedBytes ?? new Uint8Array(), signedBytes)).toBe(true)
      expect(equalBytes(canonicalText(signedBytes), signedBytes)).toBe(true)
      for (const line of signedText.split('\r\n')) expect(line).toMatch(/^(?!From )[\t\x20-\x7e]{0,998}(?<![ \t])$/)
      const decoded = leavesOf(parseMime(signedBytes)).map((part) => Buffer.from(decodeBody(part)).toString('hex'))
      expect(decoded).toEqual(contents.map((content) => Buffer.from(content).toString('hex')))
    }),
    { numRuns: RUNS },
  )
})

test('any tree: what was encrypted is read back, and holds the same content under protected headers', async () => {
  await fc.assert(
    fc.asyncProperty(tree(3), async ({ bytes, contents }) => {
      const { payload, opened } = await composeSealed(concat(utf8('From: a@example.org\r\nSubject: x\r\n'), bytes))
      expect(equalBytes(opened, payload)).toBe(true)
      const root = parseMime(opened)
      expect(root.contentType.parameters.get('hp')).toBe('cipher')
      expect(root.headers.all.map(({ name }) => name).slice(0, 4)).toEqual(['from', 'subject', 'hp-outer', 'hp-outer'])
      const decoded = leavesOf(root).map((part) => Buffer.from(decodeBody(part)).toString('hex'))
      expect(decoded).toEqual(contents.map((content) => Buffer.from(content).toString('hex')))
    }),
    { numRuns: RUNS },
  )
})

test('any text in a plain message with LF: the same text with CRLF comes out', async () => {
  await fc.assert(
    fc.asyncProperty(anyBytes, async (body) => {
      const { composed, signedBytes } = await compose(concat(utf8('From: a@example.org\n\n'), body))
      expect(equalBytes(readSigned(composed)?.signedBytes ?? new Uint8Array(), signedBytes)).toBe(true)
      const content = decodeBody(parseMime(signedBytes))
      expect(Buffer.from(content).toString('hex')).toBe(Buffer.from(canonicalText(body)).toString('hex'))
    }),
    { numRuns: RUNS },
  )
})

const pieces = fc.constantFrom(
  '--b',
  '--',
  '\r\n',
  '\n',
  '\r',
  'Content-Type: multipart/mixed; boundary=b',
  'Content-Type: multipart/signed; protocol="application/pgp-signature"; boundary=b',
  'Content-Transfer-Encoding: base64',
  'Content-Type: application/pgp-signature',
  'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=b',
  'Content-Type: application/pgp-encrypted',
  'Version: 1',
  '-----BEGIN PGP MESSAGE-----',
  '-----END PGP MESSAGE-----',
  'Content-Type: message/rfc822',
  ': ',
  'ü',
  ' ',
)
const salad = fc.array(pieces, { maxLength: 60 }).map((all) => utf8(all.join('')))

test('whatever comes in: an error of ours, or a message that reads back', async () => {
  await fc.assert(
    fc.asyncProperty(salad, async (noise) => {
      for (const head of [
        '',
        'From: a@example.org\n',
        'From: a@example.org\nContent-Type: multipart/mixed; boundary=b\n\n--b\n',
      ]) {
        const message = concat(utf8(head), noise)
        try {
          const { composed, signedBytes } = await compose(message)
          expect(equalBytes(readSigned(composed)?.signedBytes ?? new Uint8Array(), signedBytes)).toBe(true)
        } catch (error) {
          expect(error).toBeInstanceOf(MailsealError)
        }
        try {
          const { payload, opened } = await composeSealed(message)
          expect(equalBytes(opened, payload)).toBe(true)
        } catch (error) {
          expect(error).toBeInstanceOf(MailsealError)
        }
        try {
          readSigned(message)
          readEncrypted(parseMime(message))
        } catch (error) {
          expect(error).toBeInstanceOf(MailsealError)
        }
      }
    }),
    { numRuns: RUNS },
  )
})
