import { Buffer } from 'node:buffer'

const LF = 0x0a
const CR = 0x0d
const CRLF = Buffer.from('\r\n')

/**
 * The form in which a signature covers text: every lone LF becomes CRLF, nothing else changes, trailing blanks and lone
 * CRs included. Text that has this form already is given back itself.
 *
 * @see RFC 3156, section 5.
 */
export function canonicalText(text: Uint8Array): Uint8Array {
  const source = Buffer.from(text.buffer, text.byteOffset, text.length)
  const lone = countLoneLineFeeds(source)
  if (lone === 0) return text
  const canonical = Buffer.alloc(source.length + lone)
  let from = 0
  let size = 0
  for (let at = source.indexOf(LF); at >= 0; at = source.indexOf(LF, at + 1)) {
    if (source[at - 1] === CR) continue
    size += source.copy(canonical, size, from, at)
    size += CRLF.copy(canonical, size)
    from = at + 1
  }
  source.copy(canonical, size, from)
  return canonical
}

function countLoneLineFeeds(source: Buffer): number {
  let count = 0
  for (let at = source.indexOf(LF); at >= 0; at = source.indexOf(LF, at + 1)) if (source[at - 1] !== CR) count++
  return count
}
