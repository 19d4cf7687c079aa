import { decodeHeader, type MimePart, singleFrom } from '@mailseal/common/mime'
import { isHeaderProtected } from '@mailseal/common/pgp-mime'

/** What a header says of its message. */
export interface Header {
  /** Decoded; empty if there is none. */
  readonly subject: string
  /** The one address of the one From field; null if there is not exactly one. */
  readonly from: string | null
}

/** The header that travels outside and, if there is one, that which the payload brings. */
export interface Headers {
  readonly outer: Header
  /** Null if nothing but the outer header speaks for the message. */
  readonly inner: Header | null
  /** Whom the signature has to be by. */
  readonly author: string | null
}

/**
 * Reads a message's header, and the one in its payload where that is to count (RFC 9788, section 4.2).
 *
 * @param payload - What a signature or encryption covers; null if nothing does.
 */
export function readHeaders(root: MimePart, payload: MimePart | null): Headers {
  const outer = headerOf(root)
  if (payload === null || !isHeaderProtected(payload)) return { outer, inner: null, author: outer.from }
  const own = headerOf(payload)
  // Older programs protect the subject alone.
  const inner = payload.headers.fields('from').length === 0 ? { ...own, from: outer.from } : own
  return { outer, inner, author: inner.from }
}

function headerOf(part: MimePart): Header {
  return {
    subject: decodeHeader(part.headers.fields('subject')[0]?.value ?? ''),
    from: singleFrom(part)?.address ?? null,
  }
}

/** Whether the message travels under another name than the one inside. */
export function isFromMismatch({ outer, inner }: Headers): boolean {
  return inner !== null && inner.from !== outer.from
}

/**
 * What is shown of them. An author that nobody proved does not stand in for the one on the outside, which mail servers
 * may have checked (RFC 9788, section 4.4).
 */
export function shownHeader(headers: Headers, { isVerified, isEncrypted }: Shown): Header & { isCovered: boolean } {
  const { outer, inner } = headers
  if (inner === null || !(isVerified || isEncrypted)) return { ...outer, isCovered: false }
  return { ...inner, from: isVerified ? inner.from : outer.from, isCovered: true }
}

interface Shown {
  readonly isVerified: boolean
  readonly isEncrypted: boolean
}
