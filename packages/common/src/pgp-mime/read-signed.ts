import { MailsealError } from '../errors.ts'
import { LIMITS } from '../limits.ts'
import { bytesAt, decodeBody, type MimePart, parseMime } from '../mime/index.ts'

const PROTOCOL = 'application/pgp-signature'

/** A PGP/MIME signed message, taken apart. Attacker-controlled; nothing about it has been verified. */
export interface SignedMessage {
  /** The signed part with its MIME header, as it stands: verify its {@link canonicalText}. */
  readonly signedBytes: Uint8Array
  /** The signature, usually armored. */
  readonly signature: Uint8Array
  /** Such as `pgp-sha512`; only what the message says, the signature itself decides. Empty if it says nothing. */
  readonly micalg: string
}

/**
 * Takes apart a message whose root is a PGP/MIME signature. Signatures further inside say nothing about the message as a
 * whole (RFC 9787, section 4) and are not looked for.
 *
 * @param message - The whole message; attacker-controlled.
 * @returns null if the message isn't signed in this way.
 * @throws {@link MailsealError} `bad-data` if it says so but isn't formed so; `too-large` beyond LIMITS.
 * @see RFC 3156, section 5; RFC 1847, section 2.1.
 */
export function readSigned(message: Uint8Array | MimePart): SignedMessage | null {
  const root = message instanceof Uint8Array ? parseMime(message) : message
  const { type, parameters } = root.contentType
  const protocol = parameters.get('protocol')?.toLowerCase()
  if (type !== 'multipart/signed' || (protocol !== undefined && protocol !== PROTOCOL)) return null
  if (protocol === undefined) throw malformed('does not say how it is signed')
  const [signed, signature, ...others] = root.children
  if (signed === undefined || signature === undefined || others.length > 0) throw malformed('does not have two parts')
  if (signature.contentType.type !== PROTOCOL) throw malformed(`has no ${PROTOCOL} as its second part`)
  if (signature.body.end - signature.body.start > LIMITS.detachedSignature) {
    throw new MailsealError('too-large', `the signature is larger than ${LIMITS.detachedSignature} bytes`)
  }
  return {
    signedBytes: bytesAt(signed, signed.whole),
    signature: decodeBody(signature),
    micalg: parameters.get('micalg')?.toLowerCase() ?? '',
  }
}

function malformed(what: string): MailsealError {
  return new MailsealError('bad-data', `the signed message ${what}`, {
    hint: 'it was changed on its way, or made by a faulty program; ask the sender to send it again',
  })
}
