import fc from 'fast-check'
import { expect, test } from 'vitest'
import { concat, utf8 } from '../../src/encoding.ts'
import { MailsealError } from '../../src/errors.ts'
import { decodeHeader, type MimePart, parseAddresses, parseMime } from '../../src/mime/index.ts'

const MEGABYTE = 1024 * 1024
const OPEN_30 = Array.from(
  { length: 30 },
  (_, i) => `Content-Type: multipart/mixed; boundary=${'-'.repeat(60)}${i}\n\n--${'-'.repeat(60)}${i}\n`,
).join('')

/** What a small message takes is far below; what a quadratic reader takes is hours. */
const FAST_MILLISECONDS = 5000

function ends(work: () => unknown): void {
  const start = performance.now()
  try {
    work()
  } catch (error) {
    expect(error).toBeInstanceOf(MailsealError)
  }
  expect(performance.now() - start).toBeLessThan(FAST_MILLISECONDS)
}

const MESSAGES: [string, string][] = [
  [
    '5 MB of lines that look like boundaries',
    `Content-Type: multipart/mixed; boundary=b\n\n--b\n\n${'\n--'.repeat((5 * MEGABYTE) / 3)}`,
  ],
  [
    'the same with 30 open multiparts whose boundaries are alike',
    OPEN_30 + `\n--${'-'.repeat(59)}`.repeat((5 * MEGABYTE) / 62),
  ],
  ['thousand boundaries', OPEN_30 + `--${'-'.repeat(60)}1\n\n`.repeat(1000)],
  [
    'one boundary line padded with 5 MB of blanks',
    `Content-Type: multipart/mixed; boundary=b\n\n--b${' '.repeat(5 * MEGABYTE)}`,
  ],
  ['an endless header line', 'A: '.padEnd(5 * MEGABYTE, 'x')],
  ['deep nesting', 'Content-Type: multipart/mixed; boundary=b\n\n--b\n'.repeat(10_000)],
  ['open comments in the type', `Content-Type: text/plain${'('.repeat(200_000)}\n\n`],
  ['many parameters', `Content-Type: text/plain${';a*1=b'.repeat(40_000)}\n\n`],
]
for (const [name, message] of MESSAGES) test(name, () => ends(() => parseMime(utf8(message))))

const VALUES: [string, string][] = [
  ['beginnings of encoded words', '=?a?Q?x '.repeat(30_000)],
  ['encoded words', '=?utf-8?Q?x?= '.repeat(18_000)],
  ['encoded words in an unknown charset', '=?nope?Q?x?= '.repeat(18_000)],
  ['blanks', ' '.repeat(250_000)],
  ['brackets', '<'.repeat(250_000)],
  ['quotation marks', '"\\'.repeat(125_000)],
  ['names', 'a '.repeat(125_000)],
  ['addresses', 'a@b.c,'.repeat(40_000)],
]
for (const [name, value] of VALUES) {
  test(`a field of ${name}`, () => {
    ends(() => decodeHeader(value))
    ends(() => parseAddresses(value))
  })
}

const pieces = fc.constantFrom(
  '--',
  'b',
  '\r\n',
  '\n',
  '\r',
  ': ',
  'Content-Type: multipart/mixed; boundary=',
  ';',
  '"',
  ' ',
  'a',
  '\0',
  'é',
)
const salad = fc.array(pieces, { maxLength: 120 }).map((all) => utf8(all.join('')))

test('whatever the bytes: every range lies in its parent, children follow each other', () => {
  const head = utf8('Content-Type: multipart/mixed; boundary=b\n\n--b\n')
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), salad), (noise) => {
      for (const source of [noise, concat(head, noise)]) checkRanges(parseMime(source), source.length)
    }),
    { numRuns: process.env.SLOW ? 50_000 : 1000 },
  )
})

function checkRanges(part: MimePart, sourceLength: number): void {
  const { whole, header, body, preamble, epilogue, children } = part
  const offsets = [0, whole.start, header.start, header.end, body.start, preamble.start, preamble.end]
  for (const child of children) {
    offsets.push(child.whole.start, child.whole.end)
    checkRanges(child, sourceLength)
  }
  offsets.push(epilogue.start, epilogue.end, whole.end, sourceLength)
  expect(offsets).toEqual(offsets.toSorted((a, b) => a - b))
  expect(body.end).toBe(whole.end)
  expect(epilogue.end).toBe(whole.end)
}
