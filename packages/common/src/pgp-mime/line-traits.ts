import { startsWithFrom } from '../mime/index.ts'

/** RFC 5322, section 2.1.1, without the line end. */
const MAX_LINE = 998
const LF = 0x0a
const CR = 0x0d

/** What mail servers may do to a text on its way. */
export interface LineTraits {
  /** Only ASCII without NUL, lines of at most 998 characters, no lone CR (RFC 2045, section 2.7). */
  readonly sevenBit: boolean
  /** Also no trailing blanks and no line that begins with `From ` (RFC 3156, section 5). */
  readonly safe: boolean
}

/** @param text - With CRLF line ends. */
export function traitsOf(text: Uint8Array): LineTraits {
  let safe = true
  let column = 0
  for (let i = 0; i < text.length; i++) {
    const byte = text[i] as number
    if (byte === CR && text[i + 1] === LF) {
      if (column > 0 && isBlank(text[i - 1])) safe = false
      column = 0
      i++
      continue
    }
    if (byte === 0 || byte > 0x7f || byte === CR || byte === LF) return { sevenBit: false, safe: false }
    if (column === 0 && startsWithFrom(text, i)) safe = false
    column++
    if (column > MAX_LINE) return { sevenBit: false, safe: false }
  }
  if (column > 0 && isBlank(text.at(-1))) safe = false
  return { sevenBit: true, safe }
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09
}
