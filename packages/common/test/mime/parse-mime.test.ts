import { expect, test } from 'vitest'
import { utf8 } from '../../src/encoding.ts'
import { MailsealError } from '../../src/errors.ts'
import { LIMITS } from '../../src/limits.ts'
import { bytesAt, type MimePart, parseMime, type Range } from '../../src/mime/index.ts'

const text = (part: MimePart, range: Range) => Buffer.from(bytesAt(part, range)).toString()
const lines = (...all: string[]) => all.join('\r\n')
const parse = (message: string) => parseMime(utf8(message))

test('a plain message is one leaf with its header and body', () => {
  const root = parse(lines('From: a@example.org', 'Subject: one', '\ttwo', '', 'body', ''))
  expect(text(root, root.header)).toBe('From: a@example.org\r\nSubject: one\r\n\ttwo\r\n')
  expect(text(root, root.body)).toBe('body\r\n')
  expect(root.contentType.type).toBe('text/plain')
  expect(root.transferEncoding).toBe('7bit')
  const [subject] = root.headers.fields('subject')
  expect(subject?.value).toBe('one\ttwo')
  expect(text(root, subject?.range as Range)).toBe('Subject: one\r\n\ttwo')
  expect(text(root, subject?.valueRange as Range)).toBe(' one\r\n\ttwo')
})

const NESTED = lines(
  'Content-Type: multipart/mixed; boundary=outer',
  '',
  'preamble',
  '--outer',
  'Content-Type: multipart/alternative; boundary="in ner"',
  '',
  '--in ner',
  '',
  'first',
  '',
  '--in ner  ',
  'Content-Type: TEXT/Html',
  '',
  '--outerx is no boundary',
  '--in ner--',
  'inner epilogue',
  '--outer',
  '--outer',
  'Content-Type: text/plain',
  '--outer--',
  'epilogue',
)

for (const [name, message] of [
  ['CRLF', NESTED],
  ['LF', NESTED.replaceAll('\r\n', '\n')],
] as const) {
  test(`nested multiparts with ${name}: each line end before a boundary belongs to the boundary`, () => {
    const root = parse(message)
    const newline = name === 'LF' ? '\n' : '\r\n'
    const [alternative, empty, headerOnly, ...others] = root.children as [MimePart, MimePart, MimePart]
    expect(others).toEqual([])
    expect(text(root, root.preamble)).toBe('preamble')
    expect(text(root, root.epilogue)).toBe('epilogue')
    expect(alternative.children.map((part) => text(part, part.whole))).toEqual([
      `${newline}first${newline}`,
      `Content-Type: TEXT/Html${newline}${newline}--outerx is no boundary`,
    ])
    expect(alternative.children.map((part) => part.contentType.type)).toEqual(['text/plain', 'text/html'])
    expect(text(root, alternative.epilogue)).toBe('inner epilogue')
    expect(text(root, empty.whole)).toBe('')
    expect(text(root, headerOnly.whole)).toBe('Content-Type: text/plain')
    expect(headerOnly.headers.fields('content-type')[0]?.value).toBe('text/plain')
    expect(text(root, headerOnly.body)).toBe('')
  })
}

test('an outer boundary ends an inner multipart that was never closed', () => {
  const root = parse(
    lines(
      'Content-Type: multipart/mixed; boundary=o',
      '',
      '--o',
      'Content-Type: multipart/mixed; boundary=i',
      '',
      '--i',
      '',
      'x',
      '--o--',
      'rest',
    ),
  )
  const inner = root.children[0]?.children[0] as MimePart
  expect(text(root, inner.body)).toBe('x')
  expect(text(root, root.epilogue)).toBe('rest')
})

test('the inner multipart keeps a boundary that both use until it closes', () => {
  const root = parse(
    lines(
      'Content-Type: multipart/a; boundary=b',
      '',
      '--b',
      'Content-Type: multipart/c; boundary=b',
      '',
      '--b',
      '',
      'in',
      '--b--',
      '--b',
      '',
      'out',
      '--b--',
    ),
  )
  expect(root.children).toHaveLength(2)
  expect(text(root, (root.children[1] as MimePart).body)).toBe('out')
})

test('attached messages stay leaves, also as the default type of a digest', () => {
  const root = parse(
    lines(
      'Content-Type: multipart/digest; boundary=d',
      '',
      '--d',
      '',
      'Content-Type: multipart/mixed; boundary=x',
      '',
      '--x',
      '--d--',
    ),
  )
  expect(root.children[0]?.contentType.type).toBe('message/rfc822')
  expect(root.children[0]?.children).toEqual([])
})

test('what can be read in two ways is opaque', () => {
  const type = (...fields: string[]) => parse(lines(...fields, '', '--b', '', 'x', '--b--'))
  expect(type('Content-Type: multipart/mixed; boundary=b').children).toHaveLength(1)
  expect(type('Content-Type: multipart/mixed; boundary=b', 'content-type : text/plain').contentType.type).toBe(
    'application/octet-stream',
  )
  expect(type('Content-Type: multipart/mixed; boundary=b; boundary=c').children).toEqual([])
  expect(type('Content-Type: multipart').contentType.type).toBe('application/octet-stream')
  expect(type('Content-Transfer-Encoding: base64', 'Content-Transfer-Encoding: 7bit').transferEncoding).toBe('')
})

test('parameters: comments, quoted pairs, RFC 2231', () => {
  const parameter = (value: string, name: string) =>
    parse(`Content-Type: ${value}\r\n\r\n`).contentType.parameters.get(name)
  expect(parameter('text/plain (a;charset=no) ; CharSet = "ut\\f-8"', 'charset')).toBe('utf-8')
  expect(parameter('multipart/mixed; boundary*0="one;"; boundary*1=two', 'boundary')).toBe('one;two')
  expect(parameter("text/plain; charset*=us-ascii'en'iso%2D8859-1", 'charset')).toBe('iso-8859-1')
  expect(parameter("text/plain; name*0*=utf-8''%c3; name*1*=%bc; name*2=%41", 'name')).toBe('ü%41')
  expect(parameter('multipart/mixed; boundary=----=_Part/1=; x', 'boundary')).toBe('----=_Part/1=')
  expect(parameter('text/plain; charset="open', 'charset')).toBeUndefined()
})

test('a line that is no field keeps its place without a name', () => {
  const root = parse('From alice Mon\nFrom : a@example.org\n\n')
  expect(root.headers.all.map(({ name }) => name)).toEqual(['', 'from'])
})

function refusal(message: string): unknown {
  try {
    parse(message)
  } catch (error) {
    if (error instanceof MailsealError) return { code: error.code, message: error.message }
  }
  return null
}

test('bounds', () => {
  const nested = (depth: number) =>
    Array.from({ length: depth }, (_, i) => `Content-Type: multipart/mixed; boundary=b${i}\n\n--b${i}\n`).join('')
  expect(refusal(nested(LIMITS.mimeDepth))).toBeNull()
  expect(refusal(nested(LIMITS.mimeDepth + 1))).toEqual({
    code: 'too-large',
    message: "the message's parts nest deeper than 32",
  })
  const parts = (count: number) => `Content-Type: multipart/mixed; boundary=b\n\n${'--b\n\n'.repeat(count)}--b--`
  expect(refusal(parts(LIMITS.mimeParts - 1))).toBeNull()
  expect(refusal(parts(LIMITS.mimeParts))).toEqual({
    code: 'too-large',
    message: 'the message has more than 1000 parts',
  })
  expect(refusal('A: b\n'.repeat(LIMITS.mimeHeaderFields))).toBeNull()
  expect(refusal('A: b\n'.repeat(LIMITS.mimeHeaderFields + 1))).toEqual({
    code: 'too-large',
    message: 'a header section has more than 1000 fields',
  })
  expect(refusal(`A: ${'b'.repeat(LIMITS.mimeHeader)}\n`)).toEqual({
    code: 'too-large',
    message: 'a header section is longer than 262144 bytes',
  })
})
