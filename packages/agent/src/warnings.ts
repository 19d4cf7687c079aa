import { formatDate } from '@mailseal/common'
import type { CrlFreshness } from '@mailseal/common/crl'
import type { Context, Warning } from './context.ts'
import { expiredHint, ownRevocation, REPLACED_HINT, renewFromOf } from './own-certificate.ts'
import type { Identity } from './state/state.ts'

/** What is wrong with the revocation list. */
export function listWarnings({ state }: Pick<CrlFreshness, 'state'>): Warning[] {
  switch (state) {
    case 'fresh':
      return []
    case 'stale':
      return [{ code: 'crl-stale', message: 'the revocation list is out of date; run: mailseal sync' }]
    case 'missing':
      return [{ code: 'crl-missing', message: 'there is no revocation list; run: mailseal sync' }]
  }
}

/** That one's own certificate is revoked, and what to do; null if it is not. */
export function ownRevocationWarning(context: Context, identity: Identity): Warning | null {
  const revocation = ownRevocation(context, identity)
  if (revocation === null) return null
  const { reason, at } = revocation
  const message =
    reason === 'replaced'
      ? `your certificate was replaced by a newer one on ${formatDate(at)}; ${REPLACED_HINT}`
      : `your certificate was revoked on ${formatDate(at)}; ask your administrator for a new temporary key, then enroll again`
  return { code: 'own-certificate-revoked', message }
}

/** What is wrong with one's own certificate, or will be soon: nothing or one thing. */
export function certificateWarnings(context: Context, identity: Identity): Warning[] {
  const { validTo } = identity
  const now = context.clock.now()
  const revocation = ownRevocationWarning(context, identity)
  if (revocation !== null) return [revocation]
  if (now >= validTo) {
    const message = `your certificate expired on ${formatDate(validTo)}; ${expiredHint(context, identity)}`
    return [{ code: 'own-certificate-expired', message }]
  }
  if (now < renewFromOf(identity)) return []
  const message = `Your security certificates are approaching expiration. Renew yours before ${formatDate(validTo)}: mailseal renew`
  return [{ code: 'renewal-due', message }]
}

/** Certificates for one's own address of keys that one does not hold: each may have been made to read one's mail. */
export function foreignWarnings({ state }: Context): Warning[] {
  const address = state.identity()?.address
  return state.foreignCertificates().map((fingerprint) => ({
    code: 'foreign-own-certificate',
    message:
      `the directory has a certificate for ${address} that is not yours (${fingerprint}); if you enrolled on another computer, bring its key file ` +
      `("mailseal keyfile use FILE"); if not, tell your administrator at once. To hear no more of it: mailseal status --acknowledge ${fingerprint}`,
  }))
}

/**
 * What a person has to hear whatever was asked for: foreign certificates on every command, and after the key file was
 * unlocked how things stand with one's own.
 */
export function attention(context: Context): readonly Warning[] {
  const identity = context.state.identity()
  if (identity === null) return []
  const own = context.session.keyFileOpened ? certificateWarnings(context, identity) : []
  return [...own, ...foreignWarnings(context)]
}
