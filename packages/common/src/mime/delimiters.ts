import { Buffer } from 'node:buffer'
import { LIMITS } from '../limits.ts'

const LF = 0x0a
const CR = 0x0d
const DASH = 0x2d
const NEXT_CANDIDATE = Buffer.from('\n--')

/** A boundary line of an open multipart. */
export interface Delimiter {
  /** Which multipart it belongs to: 0 is the outermost. */
  readonly level: number
  /** Whether it is the last one of its multipart. */
  readonly closes: boolean
  /** Where the content before it ends: the line end in front of it belongs to it (RFC 2046, section 5.1.1). */
  readonly contentEnd: number
  /** The first byte behind its line. */
  readonly next: number
}

/**
 * The boundaries of the multiparts being read, and the search for their lines. A line is looked up as a whole, so that
 * the cost depends neither on how many multiparts are open nor on how alike their boundaries are.
 */
export class Delimiters {
  readonly #source: Buffer
  readonly #open: { boundary: string; shadowed: number | undefined }[] = []
  readonly #levels = new Map<string, number>()

  constructor(source: Buffer) {
    this.#source = source
  }

  /** Opens a multipart inside those that are open. A boundary already in use is the inner one's until it closes. */
  open(boundary: string): number {
    const level = this.#open.length
    this.#open.push({ boundary, shadowed: this.#levels.get(boundary) })
    this.#levels.set(boundary, level)
    return level
  }

  /** Closes the innermost multipart. */
  close(): void {
    const innermost = this.#open.pop()
    if (innermost === undefined) throw new TypeError('no multipart is open')
    if (innermost.shadowed === undefined) this.#levels.delete(innermost.boundary)
    else this.#levels.set(innermost.boundary, innermost.shadowed)
  }

  /** The delimiter in the line that begins at `start`; null if it is any other line. */
  at(start: number): Delimiter | null {
    const source = this.#source
    if (this.#open.length === 0 || source[start] !== DASH || source[start + 1] !== DASH) return null
    const newline = source.indexOf(LF, start)
    const next = newline < 0 ? source.length : newline + 1
    let end = newline < 0 ? source.length : newline
    while (isPadding(source[end - 1])) end--
    if (end - start > LIMITS.mimeBoundary + 4) return null
    const text = source.toString('latin1', start + 2, end)
    const own = this.#levels.get(text)
    const level = own ?? (text.endsWith('--') ? this.#levels.get(text.slice(0, -2)) : undefined)
    if (level === undefined) return null
    return { level, closes: own === undefined, contentEnd: this.#lineEndBefore(start), next }
  }

  /** The first delimiter in the line that begins at `start` or in a later one. */
  after(start: number): Delimiter | null {
    if (this.#open.length === 0) return null
    let at = start
    for (;;) {
      const delimiter = this.at(at)
      if (delimiter !== null) return delimiter
      const candidate = this.#source.indexOf(NEXT_CANDIDATE, at)
      if (candidate < 0) return null
      at = candidate + 1
    }
  }

  #lineEndBefore(start: number): number {
    if (start === 0) return 0
    return start > 1 && this.#source[start - 2] === CR ? start - 2 : start - 1
  }
}

/** Transport padding, and the CR of the line end. */
function isPadding(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09 || byte === CR
}
