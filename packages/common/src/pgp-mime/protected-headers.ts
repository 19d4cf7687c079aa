import type { MimePart } from '../mime/index.ts'

/**
 * Whether the header of a cryptographic payload speaks for the whole message, so that what stands outside doesn't count.
 * Only for a part that a signature or encryption covers: elsewhere anybody may write these words.
 *
 * @param payload - The first part that is no layer; attacker-controlled.
 * @see RFC 9788, section 4.1. The older `protected-headers` is what Thunderbird and others still write.
 */
export function isHeaderProtected(payload: MimePart): boolean {
  const { parameters } = payload.contentType
  const hp = parameters.get('hp')?.toLowerCase()
  return hp === 'cipher' || hp === 'clear' || parameters.get('protected-headers')?.toLowerCase() === 'v1'
}

/**
 * The part of an encrypted payload that is to be shown: all of it, unless its first half is only there to show the subject
 * to readers who know nothing of protected headers, as Enigmail wrote it.
 *
 * @param payload - What was encrypted; attacker-controlled.
 * @see draft-autocrypt-lamps-protected-headers-02, section 5.2.
 */
export function shownPart(payload: MimePart): MimePart {
  const [copy, body, ...others] = payload.children
  if (copy === undefined || body === undefined || others.length > 0) return payload
  const { type, parameters } = copy.contentType
  const isCopy = type === 'text/plain' || type === 'text/rfc822-headers'
  const isLegacy = isCopy && parameters.get('protected-headers')?.toLowerCase() === 'v1'
  return isLegacy && payload.contentType.type === 'multipart/mixed' && isHeaderProtected(payload) ? body : payload
}

/**
 * A payload's text without the copy of its subject that some programs put above it for readers who know nothing of
 * protected headers.
 *
 * @param text - The text of the payload's first part, decoded, and whatever follows it.
 * @see RFC 9788, section 4.5.3.
 */
export function withoutLegacyDisplay(payload: MimePart, text: string): string {
  const { contentType } = firstLeaf(payload)
  if (contentType.type !== 'text/plain' || contentType.parameters.get('hp-legacy-display') !== '1') return text
  const blank = /\n[ \t]*\n/.exec(text)
  return blank === null ? text : text.slice(blank.index + blank[0].length)
}

function firstLeaf(part: MimePart): MimePart {
  let leaf = part
  for (let child = leaf.children[0]; child !== undefined; child = leaf.children[0]) leaf = child
  return leaf
}
