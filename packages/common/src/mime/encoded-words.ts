import { Buffer } from 'node:buffer'
import { decodeCharset } from './charset.ts'
import { decodeQuotedPrintable } from './quoted-printable.ts'

/** One encoded word and where it ends in the text. */
interface EncodedWord {
  readonly charset: string
  readonly bytes: Buffer
  readonly end: number
}

/**
 * Header text as a person reads it: encoded words decoded, blanks between two of them dropped, and neighbors of one
 * charset decoded together, since some programs cut characters in two. What can't be decoded stays as it is.
 * For display only: the result may hold anything, `<boss@example.org>` and control characters included.
 *
 * @see RFC 2047, section 6.
 */
export function decodeHeader(value: string): string {
  let decoded = ''
  let at = 0
  for (;;) {
    const start = value.indexOf('=?', at)
    if (start < 0) return decoded + value.slice(at)
    const run = readRun(value, start)
    decoded += value.slice(at, start) + (run?.text ?? '=?')
    at = run?.end ?? start + 2
  }
}

/** Encoded words that follow each other with nothing but blanks between them; null if none stands at `start`. */
function readRun(value: string, start: number): { text: string; end: number } | null {
  let text = ''
  let end = start
  let alike: EncodedWord[] = []
  for (let word = readWord(value, start); word !== null; word = readWord(value, skipBlanks(value, end))) {
    if (alike[0] !== undefined && alike[0].charset !== word.charset) {
      text += decodeWords(alike)
      alike = []
    }
    alike.push(word)
    end = word.end
  }
  return end === start ? null : { text: text + decodeWords(alike), end }
}

function decodeWords(words: readonly EncodedWord[]): string {
  const bytes = Buffer.concat(words.map((word) => word.bytes))
  return decodeCharset(bytes, words[0]?.charset ?? 'utf-8') ?? ''
}

/** Reads `=?charset?Q?text?=`; RFC 2231, section 5, allows a language behind the charset. */
function readWord(value: string, start: number): EncodedWord | null {
  if (!value.startsWith('=?', start)) return null
  const charsetEnd = value.indexOf('?', start + 2)
  const encoding = value.charAt(charsetEnd + 1).toUpperCase()
  if (charsetEnd < 0 || value.charAt(charsetEnd + 2) !== '?' || (encoding !== 'Q' && encoding !== 'B')) return null
  const textEnd = value.indexOf('?', charsetEnd + 3)
  if (textEnd < 0 || value.charAt(textEnd + 1) !== '=') return null
  const [charset = ''] = value
    .slice(start + 2, charsetEnd)
    .toLowerCase()
    .split('*', 1)
  const text = value.slice(charsetEnd + 3, textEnd)
  if (/\s/.test(text) || decodeCharset(new Uint8Array(), charset) === null) return null
  return { charset, bytes: encoding === 'B' ? Buffer.from(text, 'base64') : decodeQ(text), end: textEnd + 2 }
}

function decodeQ(text: string): Buffer {
  return Buffer.from(decodeQuotedPrintable(Buffer.from(text.replaceAll('_', '=20'))))
}

function skipBlanks(value: string, start: number): number {
  let at = start
  while (at < value.length && ' \t'.includes(value.charAt(at))) at++
  return at
}
