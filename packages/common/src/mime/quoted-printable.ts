import { Buffer } from 'node:buffer'

/** Room for the `=` of a soft line break is kept (RFC 2045, section 6.7, rule 5: 76 characters). */
const MAX_COLUMN = 75
const DIGITS = Buffer.from('0123456789ABCDEF')
const CR = 0x0d
const LF = 0x0a
const SPACE = 0x20
const TAB = 0x09
const EQUALS = 0x3d

/**
 * Quoted-printable of text with CRLF line ends, which stay; every other CR or LF is encoded. The result has no trailing
 * blanks, and none of its lines begins with `From `, `.` or `--`, so that neither mail servers nor boundaries touch it.
 *
 * @see RFC 2045, section 6.7; RFC 3156, section 5; RFC 2049, section 3.
 */
export function encodeQuotedPrintable(text: Uint8Array): Uint8Array<ArrayBuffer> {
  const encoded = Buffer.alloc(text.length * 3 + 3 * Math.ceil((text.length * 3) / (MAX_COLUMN - 2)))
  let size = 0
  let column = 0
  for (let i = 0; i < text.length; i++) {
    if (text[i] === CR && text[i + 1] === LF) {
      encoded[size++] = CR
      encoded[size++] = LF
      column = 0
      i++
      continue
    }
    if (column + (standsForItself(text, i, column) ? 1 : 3) > MAX_COLUMN) {
      encoded[size++] = EQUALS
      encoded[size++] = CR
      encoded[size++] = LF
      column = 0
    }
    const byte = text[i] as number
    if (standsForItself(text, i, column)) {
      encoded[size++] = byte
      column++
    } else {
      encoded[size++] = EQUALS
      encoded[size++] = DIGITS[byte >> 4] as number
      encoded[size++] = DIGITS[byte & 15] as number
      column += 3
    }
  }
  return encoded.subarray(0, size)
}

/** Undoes quoted-printable; what is no valid escape stays as it is, blanks at line ends go. */
export function decodeQuotedPrintable(body: Uint8Array): Uint8Array<ArrayBuffer> {
  const text = Buffer.alloc(body.length)
  let size = 0
  /** Behind the last byte that is no blank: later blanks fall away if the line ends. */
  let solid = 0
  for (let i = 0; i < body.length; i++) {
    const byte = body[i] as number
    if (byte === LF || (byte === CR && body[i + 1] === LF)) {
      size = solid
      if (byte === CR) text[size++] = body[i++] as number
      text[size++] = LF
      solid = size
      continue
    }
    const softEnd = byte === EQUALS ? softBreak(body, i) : -1
    if (softEnd >= 0) {
      i = softEnd - 1
      solid = size
      continue
    }
    const escaped = byte === EQUALS ? hexByte(body, i + 1) : -1
    text[size++] = escaped < 0 ? byte : escaped
    if (escaped >= 0) i += 2
    if (escaped >= 0 || !isBlank(byte)) solid = size
  }
  return text.subarray(0, solid)
}

function standsForItself(text: Uint8Array, i: number, column: number): boolean {
  const byte = text[i] as number
  if (isBlank(byte)) return i + 1 < text.length && !(text[i + 1] === CR && text[i + 2] === LF)
  if (byte <= SPACE || byte > 0x7e || byte === EQUALS) return false
  if (column > 0) return true
  if (byte === 0x2d) return text[i + 1] !== 0x2d
  return byte !== 0x2e && !startsWithFrom(text, i)
}

/** Whether `From ` stands there, which mbox files quote. */
export function startsWithFrom(text: Uint8Array, at: number): boolean {
  return (
    text[at] === 0x46 &&
    text[at + 1] === 0x72 &&
    text[at + 2] === 0x6f &&
    text[at + 3] === 0x6d &&
    text[at + 4] === SPACE
  )
}

/** Behind the line end of a soft line break at `i`, blanks before it passed over; -1 if there is none. */
function softBreak(body: Uint8Array, i: number): number {
  let at = i + 1
  while (isBlank(body[at])) at++
  if (at === body.length) return at
  if (body[at] === CR) at++
  return body[at] === LF ? at + 1 : -1
}

function hexByte(body: Uint8Array, at: number): number {
  const high = hexDigit(body[at])
  const low = hexDigit(body[at + 1])
  return high < 0 || low < 0 ? -1 : high * 16 + low
}

function hexDigit(byte: number | undefined): number {
  if (byte === undefined) return -1
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const letter = byte & ~0x20
  return letter >= 0x41 && letter <= 0x46 ? letter - 0x37 : -1
}

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB
}
