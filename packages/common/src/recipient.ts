import type { Certification, EvaluatedCertificate } from './certificate/index.ts'
import { SPANS } from './limits.ts'

/** Whether mail to somebody can be encrypted; only `good` and `contact` can be written to. */
export type RecipientStatus = 'good' | 'contact' | 'revoked' | 'expired' | 'none'

/** What is to be said of a recipient. Members that are not known are null; times are Unix seconds. */
export interface RecipientVerdict {
  readonly address: string
  readonly status: RecipientStatus
  readonly serial: string | null
  /** One word more: why it is revoked, expired or none. */
  readonly reason: string | null
  /** When the certificate was revoked, or expired. */
  readonly since: number | null
}

/** A revocation of a key, wherever it was seen; the reason as the revocation list words it. */
interface Revocation {
  readonly reason: string
  readonly at: number
}

/** What a recipient is judged by. */
export interface RecipientOptions {
  readonly address: string
  /** Everything that revokes the key as far as is known. */
  readonly revocations: readonly Revocation[]
  readonly now: number
  /**
   * When the key is or was encrypted to: what was made for `replaced` counts only from its own date on. Null if nobody
   * knows; then it does not count.
   */
  readonly usedAt: number | null
}

/**
 * Judges a recipient's certificate: certified for this very address, not revoked, valid now. Whether there is a revocation
 * list to rely on is for the caller.
 */
export function judgeRecipient(certificate: EvaluatedCertificate, options: RecipientOptions): RecipientVerdict {
  const { address, revocations, now, usedAt } = options
  const last = newest(certificate.certifications)
  const known = { address, serial: last?.serial ?? null, reason: null, since: null }
  if (last === undefined) return { ...known, status: 'none', reason: 'uncertified' }
  if (certificate.address !== address) return { ...known, status: 'none', reason: 'mismatch' }
  const revocation = gravest(revocations)
  if (revocation !== null) {
    const { reason, at } = revocation
    const isRevoked = reason !== 'replaced' || (usedAt !== null && usedAt >= at)
    return { ...known, status: isRevoked ? 'revoked' : 'expired', reason, since: at }
  }
  const isValid = certificate.certifications.some(
    ({ validFrom, validTo }) => validFrom <= now + SPANS.clockTolerance && now < validTo,
  )
  return isValid ? { ...known, status: 'good' } : { ...known, status: 'expired', since: last.validTo }
}

function newest(certifications: readonly Certification[]): Certification | undefined {
  return [...certifications].sort((a, b) => b.validTo - a.validTo)[0]
}

/** The earliest of those that count for everything, else the earliest replacement. */
function gravest(revocations: readonly Revocation[]): Revocation | null {
  const isMild = ({ reason }: Revocation) => Number(reason === 'replaced')
  return [...revocations].sort((a, b) => isMild(a) - isMild(b) || a.at - b.at)[0] ?? null
}
