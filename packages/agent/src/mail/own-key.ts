import { formatMinute, MailsealError } from '@mailseal/common'
import { readPrimarySecret } from '@mailseal/common/certificate'
import { type MimePart, singleFrom } from '@mailseal/common/mime'
import type * as openpgp from 'openpgp'
import type { Context } from '../context.ts'
import { type KeyFileContent, keyOf } from '../key-file/content.ts'
import { assertNotRevoked, expiredHint } from '../own-certificate.ts'
import type { Identity } from '../state/state.ts'

/**
 * What others can't verify must not be signed. A message without a single From is refused when it is composed.
 *
 * @throws {@link MailsealError} `untrusted` if the message is from another address.
 */
export function assertOwnFrom(message: MimePart, { address }: Identity): void {
  const from = singleFrom(message)
  if (from === null || from.address === address) return
  throw new MailsealError('untrusted', `the message is from ${from.address}, and this computer signs for ${address}`, {
    hint: `write "From: ${address}" into the message`,
  })
}

/**
 * Whether one's own certificate may be used for something new.
 *
 * @throws {@link MailsealError} `certificate-revoked`, `certificate-expired`, `clock-wrong`.
 */
export function assertUsable(context: Context, identity: Identity): void {
  assertNotRevoked(context, identity)
  const { validFrom, validTo } = identity
  const now = context.clock.now()
  if (now >= validTo) {
    throw new MailsealError('certificate-expired', `your certificate expired on ${formatMinute(validTo)}`, {
      hint: expiredHint(context, identity),
    })
  }
  if (now < validFrom) {
    throw new MailsealError(
      'clock-wrong',
      `this computer's clock is before ${formatMinute(validFrom)}, when your certificate begins`,
    )
  }
}

/**
 * The key that signs. Its own self-signature doesn't matter, which ends before a renewed certificate does.
 *
 * @throws {@link MailsealError} `not-found`.
 */
export function signingKey(content: KeyFileContent, { fingerprint }: Identity): Promise<openpgp.SecretKeyPacket> {
  return readPrimarySecret(keyOf(content, fingerprint).secretKey)
}
