import { formatMinute, MailsealError } from '@mailseal/common'
import { OPENPGP_CONFIG } from '@mailseal/common/certificate'
import { parseMime, singleFrom } from '@mailseal/common/mime'
import { composeSigned } from '@mailseal/common/pgp-mime'
import * as openpgp from 'openpgp'
import { type Context, requireEnrolled } from '../context.ts'
import { keyOf } from '../key-file/content.ts'
import { openOwnKeyFile } from '../passwords.ts'
import { lookupHeld } from '../revocation-list.ts'
import type { Identity } from '../state/state.ts'

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
  assertOwnFrom(message, identity)
  assertUsable(context, identity)
  const { content } = await openOwnKeyFile(context)
  const { secretKey } = keyOf(content, identity.fingerprint)
  const signingKeys = await openpgp.readPrivateKey({ binaryKey: secretKey, config: OPENPGP_CONFIG })
  const date = new Date(context.clock.now() * 1000)
  return composeSigned({
    message,
    micalg: 'pgp-sha512',
    random: context.random,
    sign: async (signedBytes) =>
      openpgp.sign({
        message: await openpgp.createMessage({ binary: signedBytes }),
        signingKeys,
        detached: true,
        format: 'armored',
        date,
        config: OPENPGP_CONFIG,
      }),
  })
}

/** What others can't verify must not be signed. A message without a single From is refused when it is composed. */
function assertOwnFrom(message: Uint8Array, { address }: Identity): void {
  const from = singleFrom(parseMime(message))
  if (from === null || from.address === address) return
  throw new MailsealError('untrusted', `the message is from ${from.address}, and this computer signs for ${address}`, {
    hint: `write "From: ${address}" into the message`,
  })
}

/** @throws {@link MailsealError} `certificate-revoked`, `certificate-expired`, `clock-wrong`. */
function assertUsable(context: Context, { serial, validFrom, validTo }: Identity): void {
  const entry = lookupHeld(context, serial)
  if (entry !== null) {
    throw new MailsealError('certificate-revoked', `your certificate was revoked on ${formatMinute(entry.revokedAt)}`)
  }
  const now = context.clock.now()
  if (now >= validTo) {
    throw new MailsealError('certificate-expired', `your certificate expired on ${formatMinute(validTo)}`, {
      hint: 'ask your administrator for a new temporary key and enroll again',
    })
  }
  if (now < validFrom) {
    throw new MailsealError(
      'clock-wrong',
      `this computer's clock is before ${formatMinute(validFrom)}, when your certificate begins`,
    )
  }
}
