import type { Buffer } from 'node:buffer'
import { MailsealError } from '../errors.ts'
import { LIMITS } from '../limits.ts'
import type { Delimiter, Delimiters } from './delimiters.ts'

/** Offsets into the source, the end excluded. */
export interface Range {
  readonly start: number
  readonly end: number
}

const LF = 0x0a
const CR = 0x0d
const COLON = 0x3a

/** A header field as it stands in the source. Attacker-controlled. */
export class HeaderField {
  /** Lower case; empty for a line that is no field, such as an mbox "From " line. */
  readonly name: string
  /** From the first byte of the name to the last of the value, folded lines included, without the last line end. */
  readonly range: Range
  /** The bytes behind the colon. */
  readonly valueRange: Range
  readonly #source: Buffer

  constructor(source: Buffer, name: string, range: Range, valueStart: number) {
    this.#source = source
    this.name = name
    this.range = range
    this.valueRange = { start: valueStart, end: range.end }
  }

  /** The value unfolded and trimmed, read as UTF-8 (RFC 6532); bytes that are none become U+FFFD. */
  get value(): string {
    return this.#source.toString('utf8', this.valueRange.start, this.valueRange.end).replace(/\r?\n/g, '').trim()
  }
}

/** A header section: all its fields in their order, repeated ones included. */
export class RawHeaders {
  readonly all: readonly HeaderField[]

  constructor(all: readonly HeaderField[]) {
    this.all = all
  }

  /** All fields of a name, which is given in lower case. */
  fields(name: string): HeaderField[] {
    return this.all.filter((field) => field.name === name)
  }
}

export interface HeaderSection {
  readonly headers: RawHeaders
  /** Behind the last field's line end. */
  readonly end: number
  /** Behind the blank line. */
  readonly bodyStart: number
  /** The boundary line that ended the part before a blank line did. */
  readonly delimiter: Delimiter | null
}

/**
 * Reads the header section that begins at `start`, up to its blank line, a boundary line of an open multipart or the end.
 *
 * @throws {@link MailsealError} `too-large` beyond `LIMITS.mimeHeader` bytes or `LIMITS.mimeHeaderFields` fields.
 */
export function readHeaderSection(source: Buffer, start: number, delimiters: Delimiters): HeaderSection {
  const fields: HeaderField[] = []
  let open: { name: string; start: number; valueStart: number; end: number } | null = null
  const finish = () => {
    if (open !== null)
      fields.push(new HeaderField(source, open.name, { start: open.start, end: open.end }, open.valueStart))
  }
  let at = start
  while (at < source.length) {
    const delimiter = delimiters.at(at)
    if (delimiter !== null) {
      finish()
      return { headers: new RawHeaders(fields), end: at, bodyStart: at, delimiter }
    }
    const newline = source.indexOf(LF, at)
    const next = newline < 0 ? source.length : newline + 1
    const end = newline < 0 ? source.length : newline > at && source[newline - 1] === CR ? newline - 1 : newline
    if (end === at) {
      finish()
      return { headers: new RawHeaders(fields), end: at, bodyStart: next, delimiter: null }
    }
    if (next - start > LIMITS.mimeHeader) {
      throw new MailsealError('too-large', `a header section is longer than ${LIMITS.mimeHeader} bytes`)
    }
    if (open !== null && isBlank(source[at])) {
      open.end = end
    } else {
      finish()
      if (fields.length === LIMITS.mimeHeaderFields) {
        throw new MailsealError('too-large', `a header section has more than ${LIMITS.mimeHeaderFields} fields`)
      }
      open = { ...readName(source, at, end), start: at, end }
    }
    at = next
  }
  finish()
  return { headers: new RawHeaders(fields), end: source.length, bodyStart: source.length, delimiter: null }
}

/** The name in front of the colon; blanks between them are obsolete but read (RFC 5322, section 4.5). */
function readName(source: Buffer, start: number, end: number): { name: string; valueStart: number } {
  let nameEnd = start
  while (nameEnd < end && isNameByte(source[nameEnd] as number)) nameEnd++
  let colon = nameEnd
  while (colon < end && isBlank(source[colon])) colon++
  if (nameEnd === start || colon === end || source[colon] !== COLON) return { name: '', valueStart: start }
  return { name: source.toString('latin1', start, nameEnd).toLowerCase(), valueStart: colon + 1 }
}

function isNameByte(byte: number): boolean {
  return byte > 0x20 && byte < 0x7f && byte !== COLON
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09
}
