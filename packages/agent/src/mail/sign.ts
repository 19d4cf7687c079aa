import { MICALG, signMessage } from '@mailseal/common/certificate'
import { parseMime } from '@mailseal/common/mime'
import { composeSigned } from '@mailseal/common/pgp-mime'
import type * as openpgp from 'openpgp'
import { type Context, requireEnrolled } from '../context.ts'
import { openOwnKeyFile } from '../passwords.ts'
import { assertOwnFrom, assertUsable, signingKey } from './own-key.ts'

/**
 * Signs a message as PGP/MIME (RFC 3156, section 5). Needs neither the KM server nor a revocation list.
 *
 * @param message - RFC 5322, MIME or not, CRLF or LF.
 * @returns The signed message, CRLF.
 * @throws {@link MailsealError} `not-enrolled`; `untrusted` if From is another address; `certificate-revoked`,
 *   `certificate-expired`, `password-wrong`, `bad-data`, `too-large`.
 */
export async function sign(context: Context, message: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const { identity } = await requireEnrolled(context)
  assertOwnFrom(parseMime(message), identity)
  assertUsable(context, identity)
  const { content } = await openOwnKeyFile(context)
  return signWith(context, await signingKey(content, identity), message)
}

/** Signs a message with a key at hand. */
export function signWith(
  { clock, random }: Context,
  key: openpgp.SecretKeyPacket,
  message: Uint8Array,
): Promise<Uint8Array<ArrayBuffer>> {
  const sign = (signedBytes: Uint8Array) => signMessage(key, signedBytes, clock.now())
  return composeSigned({ message, micalg: MICALG, random, sign })
}
