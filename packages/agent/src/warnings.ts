import { formatDate } from '@mailseal/common'
import type { CrlFreshness } from '@mailseal/common/crl'
import type { Context, Warning } from './context.ts'
import { lookupHeld } from './revocation-list.ts'
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

const AGAIN = 'ask your administrator for a new temporary key, then enroll again'

/** That one's own certificate stands on the list held here; null if it does not. */
export function ownRevocationWarning(context: Context, { serial }: Identity): Warning | null {
  const entry = lookupHeld(context, serial)
  if (entry === null) return null
  const message = `your certificate was revoked on ${formatDate(entry.revokedAt)}; ${AGAIN}`
  return { code: 'own-certificate-revoked', message }
}

/** What is wrong with one's own certificate, or will be soon. */
export function certificateWarnings(context: Context, identity: Identity, renewFrom: number): Warning[] {
  const { validTo } = identity
  const now = context.clock.now()
  const revocation = ownRevocationWarning(context, identity)
  const warnings: Warning[] = []
  if (revocation !== null) {
    warnings.push(revocation)
  } else if (now >= validTo) {
    warnings.push({
      code: 'own-certificate-expired',
      message: `your certificate expired on ${formatDate(validTo)}; ${AGAIN}`,
    })
  } else if (now >= renewFrom) {
    const message = `Your security certificates are approaching expiration. Before ${formatDate(validTo)}, ${AGAIN}.`
    warnings.push({ code: 'renewal-due', message })
  }
  return [...warnings, ...foreignCertificateWarnings(context, identity)]
}

/** A certificate for one's own address that one does not hold may have been made to read one's mail. */
function foreignCertificateWarnings({ state }: Context, { address, fingerprint }: Identity): Warning[] {
  const listed = state.currentCertificate(address)
  if (listed === null || listed.fingerprint === fingerprint) return []
  const message = `the directory has a certificate for ${address} that is not yours (${listed.fingerprint}); ask your administrator why`
  return [{ code: 'foreign-own-certificate', message }]
}
