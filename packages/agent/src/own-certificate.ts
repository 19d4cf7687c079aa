import { addMonths, formatDate, MailsealError, SPANS } from '@mailseal/common'
import type { Context } from './context.ts'
import { lookupHeld } from './revocation-list.ts'
import type { Identity, RevokedKey } from './state/state.ts'

/** What to do on a computer whose key is not the newest one. */
export const REPLACED_HINT =
  'bring the key file of the newest enrollment: there "mailseal keyfile copy FILE", here "mailseal keyfile use FILE"; if that enrollment was not yours, tell your administrator at once'

/** From when on a certificate should be renewed, Unix seconds; the KM server may allow it earlier. */
export function renewFromOf({ validFrom }: Pick<Identity, 'validFrom'>): number {
  return addMonths(validFrom, SPANS.renewalMonths)
}

/** Why and when the own certificate was revoked, by the list held here or as remembered; null if it is not. */
export function ownRevocation(
  context: Pick<Context, 'home' | 'state'>,
  { serial, fingerprint }: Pick<Identity, 'serial' | 'fingerprint'>,
): RevokedKey | null {
  const entry = lookupHeld(context, serial)
  return entry === null
    ? context.state.revokedKey(fingerprint)
    : { fingerprint, reason: entry.reason, at: entry.revokedAt }
}

/** @throws {@link MailsealError} `certificate-revoked`, with what to do. */
export function assertNotRevoked(context: Pick<Context, 'home' | 'state'>, identity: Identity): void {
  const revocation = ownRevocation(context, identity)
  if (revocation === null) return
  const on = formatDate(revocation.at)
  if (revocation.reason !== 'replaced') {
    throw new MailsealError('certificate-revoked', `your certificate was revoked on ${on}`)
  }
  throw new MailsealError('certificate-revoked', `your certificate was replaced by a newer one on ${on}`, {
    hint: REPLACED_HINT,
  })
}

/** What to do about a certificate that has expired. */
export function expiredHint({ clock }: Pick<Context, 'clock'>, { validTo }: Pick<Identity, 'validTo'>): string {
  const isInGrace = clock.now() < validTo + SPANS.renewalGraceDays * SPANS.day
  return isInGrace
    ? 'renew it: mailseal renew'
    : 'it is too late to renew it; ask your administrator to recover your key, then enroll again'
}
