import { Buffer } from 'node:buffer'
import { MailsealError } from '../errors.ts'
import { LIMITS } from '../limits.ts'
import { boundaryOf, type ContentType, contentTypeOf } from './content-type.ts'
import { type Delimiter, Delimiters } from './delimiters.ts'
import { type Range, readHeaderSection } from './headers.ts'
import type { MimePart } from './part.ts'
import { transferEncodingOf } from './transfer-encoding.ts'

/**
 * Reads the MIME structure of a message (RFC 2045, 2046) with CRLF or LF line ends, without copying or decoding bodies.
 * A multipart that isn't closed ends with its surroundings; one without a usable boundary has no children.
 *
 * @param source - Attacker-controlled; must not change while the result is in use.
 * @throws {@link MailsealError} `too-large` beyond LIMITS: message, mimeParts, mimeDepth, mimeHeader, mimeHeaderFields.
 */
export function parseMime(source: Uint8Array): MimePart {
  if (source.length > LIMITS.message) {
    throw new MailsealError('too-large', `the message is larger than ${LIMITS.message} bytes`)
  }
  return new StructureReader(source).part(0, 0, 'text/plain').part
}

/** A part, and the boundary line that ended it; null at the end of the source. */
interface EndedPart {
  readonly part: MimePart
  readonly stop: Delimiter | null
}

interface Inside {
  readonly preamble: Range | null
  readonly epilogue: Range | null
  readonly children: readonly MimePart[]
  readonly stop: Delimiter | null
}

class StructureReader {
  readonly #source: Uint8Array
  readonly #buffer: Buffer
  readonly #delimiters: Delimiters
  #parts = 0

  constructor(source: Uint8Array) {
    this.#source = source
    this.#buffer = Buffer.from(source.buffer, source.byteOffset, source.length)
    this.#delimiters = new Delimiters(this.#buffer)
  }

  part(start: number, depth: number, defaultType: string): EndedPart {
    this.#count(depth)
    const section = readHeaderSection(this.#buffer, start, this.#delimiters)
    const contentType = contentTypeOf(section.headers, defaultType)
    const inside = this.#inside(section.delimiter, section.bodyStart, depth, contentType)
    const end = Math.max(start, this.#contentEnd(inside.stop))
    const body = { start: Math.min(section.bodyStart, end), end }
    const part = {
      source: this.#source,
      headers: section.headers,
      contentType,
      transferEncoding: transferEncodingOf(section.headers),
      whole: { start, end },
      header: { start, end: Math.min(section.end, end) },
      body,
      preamble: inside.preamble ?? { start: body.start, end: body.start },
      epilogue: inside.epilogue ?? { start: end, end },
      children: inside.children,
    }
    return { part, stop: inside.stop }
  }

  #inside(stop: Delimiter | null, bodyStart: number, depth: number, contentType: ContentType): Inside {
    const leaf = { preamble: null, epilogue: null, children: [] }
    if (stop !== null) return { ...leaf, stop }
    const boundary = boundaryOf(contentType)
    if (boundary === null) return { ...leaf, stop: this.#delimiters.after(bodyStart) }
    return this.#multipart(boundary, bodyStart, depth, contentType)
  }

  #multipart(boundary: string, bodyStart: number, depth: number, contentType: ContentType): Inside {
    const defaultType = contentType.type === 'multipart/digest' ? 'message/rfc822' : 'text/plain'
    const level = this.#delimiters.open(boundary)
    let stop = this.#delimiters.after(bodyStart)
    const preamble = this.#upTo(stop, bodyStart)
    const children: MimePart[] = []
    while (stop !== null && stop.level === level && !stop.closes) {
      const child = this.part(stop.next, depth + 1, defaultType)
      children.push(child.part)
      stop = child.stop
    }
    this.#delimiters.close()
    if (stop?.level !== level) return { preamble, epilogue: null, children, stop }
    const outer = this.#delimiters.after(stop.next)
    return { preamble, epilogue: this.#upTo(outer, stop.next), children, stop: outer }
  }

  #upTo(stop: Delimiter | null, start: number): Range {
    return { start, end: Math.max(start, this.#contentEnd(stop)) }
  }

  #contentEnd(stop: Delimiter | null): number {
    return stop === null ? this.#source.length : stop.contentEnd
  }

  #count(depth: number): void {
    this.#parts++
    if (this.#parts > LIMITS.mimeParts) {
      throw new MailsealError('too-large', `the message has more than ${LIMITS.mimeParts} parts`)
    }
    if (depth > LIMITS.mimeDepth) {
      throw new MailsealError('too-large', `the message's parts nest deeper than ${LIMITS.mimeDepth}`)
    }
  }
}
