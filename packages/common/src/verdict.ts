import type * as openpgp from 'openpgp'
import {
  type Certification,
  type EvaluatedCertificate,
  evaluateCertificate,
  readMessageSignatures,
  type TrustedAuthority,
  verifyMessageSignature,
} from './certificate/index.ts'
import type { CrlEntry } from './crl/index.ts'
import { toHex } from './encoding.ts'
import { MailsealError } from './errors.ts'
import { SPANS } from './limits.ts'

/** What is to be said of a message's signature, from best to worst. */
export const SIGNATURE_STATUSES = [
  'good',
  'contact',
  'revoked',
  'expired',
  'uncertified',
  'mismatch',
  'unknown',
  'bad',
  'none',
] as const
export type SignatureStatus = (typeof SIGNATURE_STATUSES)[number]

/** One verdict. Members that are not known are null; times are Unix seconds. */
export interface SignatureVerdict {
  readonly status: SignatureStatus
  /** User ID of the certificate. */
  readonly signer: string | null
  readonly address: string | null
  readonly serial: string | null
  readonly fingerprint: string | null
  /** The time the signature claims. */
  readonly signedAt: number | null
  /** One word more: why it is revoked, bad, expired or unknown. */
  readonly reason: string | null
  /** When the certificate was revoked. */
  readonly revokedAt: number | null
}

/** How good the revocation list at hand is. */
export interface ListState {
  readonly state: 'fresh' | 'stale' | 'missing'
  readonly number: number | null
  /** Seconds since it was made. */
  readonly age: number | null
}

/** What a verdict is reached from. All look-ups are the caller's; nothing here does I/O. */
export interface JudgeOptions {
  /** Body of the application/pgp-signature part; attacker-controlled. */
  readonly signature: Uint8Array
  /** The raw bytes that it covers, line ends made CRLF. */
  readonly signedBytes: Uint8Array
  /** The one address of the one From field; null if there is not exactly one. */
  readonly from: string | null
  readonly now: number
  /** Binary certificate by fingerprint; `fresh` means not the own copy. Null if there is none to be had. */
  readonly findCertificate: (fingerprint: string, how: 'any' | 'fresh') => Promise<Uint8Array | null>
  readonly authorities: readonly TrustedAuthority[]
  readonly domains: readonly string[]
  readonly list: ListState
  /** The organization's rule for a list that is too old. */
  readonly listPolicy: { readonly action: 'warn' | 'refuse'; readonly afterHours: number }
  /** Looks a serial number up in the list; never called without one. */
  readonly lookup: (serial: string) => CrlEntry | null
  /** What was seen before of a key's revocation, also when its entry has left the list; consulted only beside a list. */
  readonly remembered?: (fingerprint: string) => { readonly reason: string; readonly at: number } | null
}

/** Reasons that make a signature unknown for want of a list; such a verdict exits with 103. */
const LIST_REASONS: readonly string[] = ['revocation-list-missing', 'revocation-list-stale']

const NOTHING: Omit<SignatureVerdict, 'status'> = {
  signer: null,
  address: null,
  serial: null,
  fingerprint: null,
  signedAt: null,
  reason: null,
  revokedAt: null,
}

/** The verdict on a message that has no signature. */
export const UNSIGNED: SignatureVerdict = { status: 'none', ...NOTHING }

/**
 * Judges the signatures of a message in the order that DESIGN lays down: cryptography, certificate, certification and
 * address, revocation, validity. One bad signature makes the whole bad; otherwise the best one counts.
 */
export async function judgeSignatures(options: JudgeOptions): Promise<SignatureVerdict> {
  const signatures = await readMessageSignatures(options.signature)
  if (signatures.length === 0) return { status: 'bad', ...NOTHING, reason: 'unreadable' }
  return bestVerdict(await Promise.all(signatures.map((signature) => judge(signature, options))))
}

/**
 * The one verdict on a message with several signatures over the same: one bad signature makes the whole bad; otherwise the
 * best one counts.
 */
export function bestVerdict(verdicts: readonly SignatureVerdict[]): SignatureVerdict {
  const bad = verdicts.find((verdict) => verdict.status === 'bad')
  if (bad !== undefined) return bad
  const rank = (verdict: SignatureVerdict) => SIGNATURE_STATUSES.indexOf(verdict.status)
  return verdicts.reduce((best, verdict) => (rank(verdict) < rank(best) ? verdict : best), UNSIGNED)
}

async function judge(signature: openpgp.SignaturePacket, options: JudgeOptions): Promise<SignatureVerdict> {
  const signedAt = Math.floor((signature.created as Date).getTime() / 1000)
  const fingerprint = signature.issuerFingerprint === null ? null : toHex(signature.issuerFingerprint)
  const claimed = { ...NOTHING, signedAt, fingerprint }
  if (signedAt > options.now + SPANS.clockTolerance) return { ...claimed, status: 'bad', reason: 'from-the-future' }
  if (fingerprint === null) return { ...claimed, status: 'unknown', reason: 'no-issuer' }
  const certificate = await findCertificate(fingerprint, options)
  if (typeof certificate === 'string') return { ...claimed, status: 'unknown', reason: certificate }

  const known = { ...claimed, signer: certificate.userId, address: certificate.address }
  if (!(await verifyMessageSignature(signature, certificate.primary, options.signedBytes))) {
    return { ...known, status: 'bad', reason: 'altered' }
  }
  if (signedAt < certificate.created) return { ...known, status: 'bad', reason: 'before-the-key' }
  const covering = certificate.certifications.find((one) => covers(one, signedAt))
  const named = { ...known, serial: (covering ?? newest(certificate))?.serial ?? null }
  if (certificate.certifications.length === 0) return { ...named, status: 'uncertified' }
  if (certificate.address === null || certificate.address !== options.from) return { ...named, status: 'mismatch' }

  const revocation = findRevocation(certificate, signedAt, options)
  if (revocation !== null) {
    return {
      ...named,
      serial: revocation.serial ?? named.serial,
      status: 'revoked',
      reason: revocation.reason,
      revokedAt: revocation.at,
    }
  }
  if (covering === undefined) return { ...named, status: 'expired' }
  if (hasLapsed(signature, options.now)) return { ...named, status: 'expired', reason: 'signature-expired' }
  const shortage = listShortage(options)
  return shortage === null ? { ...named, status: 'good' } : { ...named, status: 'unknown', reason: shortage }
}

/**
 * The certificate; one whose newest certification has expired only when just fetched, for it may have been renewed or
 * revoked.
 *
 * @returns The verdict's reason if there is none.
 */
async function findCertificate(
  fingerprint: string,
  options: JudgeOptions,
): Promise<EvaluatedCertificate | 'no-certificate' | 'not-fetched-afresh'> {
  const evaluated = await evaluate(await options.findCertificate(fingerprint, 'any'), fingerprint, options)
  if (evaluated === null) return 'no-certificate'
  const last = newest(evaluated)
  if (last === undefined || last.validTo > options.now) return evaluated
  const fresh = await evaluate(await options.findCertificate(fingerprint, 'fresh'), fingerprint, options)
  return fresh ?? 'not-fetched-afresh'
}

async function evaluate(
  bytes: Uint8Array | null,
  fingerprint: string,
  options: JudgeOptions,
): Promise<EvaluatedCertificate | null> {
  if (bytes === null) return null
  try {
    const evaluated = await evaluateCertificate(bytes, options.authorities, options.domains)
    return evaluated.fingerprint === fingerprint ? evaluated : null
  } catch (error) {
    if (error instanceof MailsealError) return null
    throw error
  }
}

function covers(certification: Certification, at: number): boolean {
  return certification.validFrom <= at && at < certification.validTo
}

/** Whether the signer limited the signature's own life (RFC 9580, section 5.2.3.18), and it is over. */
function hasLapsed(signature: openpgp.SignaturePacket, now: number): boolean {
  const expires = signature.getExpirationTime()
  return expires instanceof Date && expires.getTime() <= now * 1000
}

function newest(certificate: EvaluatedCertificate): Certification | undefined {
  return certificate.certifications.reduce<Certification | undefined>(
    (last, one) => (last === undefined || one.validTo > last.validTo ? one : last),
    undefined,
  )
}

/** What was made for `replaced` counts only against signatures dated after it; anything else counts for all. */
function findRevocation(certificate: EvaluatedCertificate, signedAt: number, options: JudgeOptions) {
  const listed =
    options.list.state === 'missing'
      ? []
      : certificate.certifications.flatMap(({ serial }) => {
          const entry = options.lookup(serial)
          return entry === null ? [] : [{ serial, at: entry.revokedAt, reason: entry.reason as string }]
        })
  const carried = certificate.revocations.map(({ at, reason }) => ({
    serial: null,
    at,
    reason: reason ?? 'unspecified',
  }))
  const seen = options.list.state === 'missing' ? null : (options.remembered?.(certificate.fingerprint) ?? null)
  const remembered = seen === null ? [] : [{ serial: null, at: seen.at, reason: seen.reason }]
  const counting = [...listed, ...carried, ...remembered].filter(
    ({ at, reason }) => reason !== 'replaced' || signedAt > at,
  )
  return counting[0] ?? null
}

/** Why nothing can be trusted by this list: it is missing, or older than the organization allows; null if it will do. */
export function listShortage({ list, listPolicy }: Pick<JudgeOptions, 'list' | 'listPolicy'>): string | null {
  if (list.state === 'missing' || list.age === null) return 'revocation-list-missing'
  const tooOld = list.state === 'stale' && list.age > listPolicy.afterHours * 3600
  return listPolicy.action === 'refuse' && tooOld ? 'revocation-list-stale' : null
}

/** The one cryptographic summary of a message (RFC 9787, section 6). */
export type Summary = 'unprotected' | 'verified' | 'confidential' | 'confidential+verified'

/** The summary says verified only for `good` and `contact`. */
export function summarize(encrypted: boolean, signature: SignatureVerdict): Summary {
  const verified = signature.status === 'good' || signature.status === 'contact'
  if (encrypted) return verified ? 'confidential+verified' : 'confidential'
  return verified ? 'verified' : 'unprotected'
}

/**
 * Exit code of a program that reached this verdict (DESIGN, section 11).
 *
 * @param encrypted - Whether the message was decrypted: then nothing is wrong with it if it has no signature.
 */
export function exitCodeOf(verdict: SignatureVerdict, encrypted = false): number {
  switch (verdict.status) {
    case 'good':
    case 'contact':
      return 0
    case 'revoked':
      return 100
    case 'expired':
      return 101
    case 'uncertified':
    case 'mismatch':
      return 102
    case 'unknown':
      return verdict.reason !== null && LIST_REASONS.includes(verdict.reason) ? 103 : 3
    case 'bad':
      return 3
    case 'none':
      return encrypted ? 0 : 3
  }
}
