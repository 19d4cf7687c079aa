import type { ContentType } from './content-type.ts'
import type { Range, RawHeaders } from './headers.ts'

/** A message or a part of one: where it stands, and what its header says. Attacker-controlled. */
export interface MimePart {
  /** The bytes that were parsed; every range counts from their start. */
  readonly source: Uint8Array
  readonly headers: RawHeaders
  readonly contentType: ContentType
  /** Lower case, `7bit` where nothing is said, empty if two fields contradict each other. */
  readonly transferEncoding: string
  /** Header and body, without the line end that belongs to the next boundary line. */
  readonly whole: Range
  /** The header section without its blank line. */
  readonly header: Range
  readonly body: Range
  /** In a multipart, what stands before its first boundary line; otherwise empty. */
  readonly preamble: Range
  /** In a multipart, what stands behind its closing boundary line; otherwise empty. */
  readonly epilogue: Range
  /** The parts of a multipart. An attached message is a leaf: parse its body to look inside. */
  readonly children: readonly MimePart[]
}

/** The bytes of a range, shared with the source. */
export function bytesAt(part: MimePart, range: Range): Uint8Array {
  return part.source.subarray(range.start, range.end)
}
