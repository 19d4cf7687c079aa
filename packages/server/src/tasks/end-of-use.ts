import { MailsealError } from '@mailseal/common'
import { notationDomain } from '@mailseal/common/authority'
import {
  endCertificate,
  type PremadeRevocations,
  parseCertificate,
  revokeCertification,
} from '@mailseal/common/certificate'
import { dayOf } from '@mailseal/common/crl'
import type { Unlocked } from '../start-up/index.ts'
import type { KeyRow, Mailbox, Reads, RevocationReason, RevocationRow, Transaction } from '../store/store.ts'
import type { TaskContext } from './context.ts'

/** Reasons that make every signature of the key suspect, also for OpenPGP programs: the 0x20 is published for them. */
const HARD_REASONS: readonly RevocationReason[] = ['compromised', 'unspecified']

const keyRevocationLabel = (fingerprint: string) => `key revocation ${fingerprint}`
const subkeyRevocationLabel = (fingerprint: string) => `subkey revocation ${fingerprint}`

/** Seals the revocations that came with an enrollment, until the use of their key ends. */
export function sealPremadeRevocations(
  unlocked: Pick<Unlocked, 'seal'>,
  fingerprint: string,
  { keyRevocation, subkeyRevocation }: PremadeRevocations,
): Pick<KeyRow, 'sealedKeyRevocation' | 'sealedSubkeyRevocation'> {
  return {
    sealedKeyRevocation: unlocked.seal(keyRevocationLabel(fingerprint), keyRevocation),
    sealedSubkeyRevocation: unlocked.seal(subkeyRevocationLabel(fingerprint), subkeyRevocation),
  }
}

/** What the end of a mailbox's certificates puts down, ready to be written. */
export interface PreparedEnd {
  /** As it was then. */
  readonly mailbox: Mailbox
  readonly revocations: readonly Omit<RevocationRow, 'revokedAt'>[]
  /** Certificates as they are published from then on. */
  readonly published: readonly { readonly fingerprint: string; readonly certificate: Uint8Array }[]
}

/**
 * Prepares the end of use of all that a mailbox has (DESIGN.md, section 3, "End of use"): every serial number that has
 * neither expired nor ended before, those listed as `replaced` included unless that is the reason again, and the keys
 * that they belong to. The current key is among them also when its certificate has expired: it could be renewed. The slow
 * part, outside the transaction.
 *
 * @param options.now - Unix seconds; the CA's revocations are dated then, or as the newest certification if that is later.
 */
export async function prepareEndOfUse(
  context: TaskContext,
  reads: Reads,
  mailbox: Mailbox,
  { reason, now }: { reason: RevocationReason; now: number },
): Promise<PreparedEnd> {
  const unexpired = await reads.unexpiredCertificates(mailbox.id, now)
  const ending = unexpired.filter(({ revocation }) => canEnd(revocation, reason))
  const current = mailbox.currentSerial === null ? null : await reads.certificate(mailbox.currentSerial)
  const fingerprints = new Set(
    [...ending, ...(current === null ? [] : [current])].map(({ fingerprint }) => fingerprint),
  )
  const published: { fingerprint: string; certificate: Uint8Array }[] = []
  for (const fingerprint of fingerprints) {
    const certificate = await endedCertificate(context, reads, fingerprint, { reason, now }).catch(nullIfDamaged)
    if (certificate !== null) published.push({ fingerprint, certificate })
  }
  const revocations = ending.map(({ serial, validTo }) => ({ serial, expiryDay: dayOf(validTo), reason }))
  return { mailbox, revocations, published }
}

/** A damaged row must not keep a serial number from the revocation list: other programs learn nothing, our agents do. */
function nullIfDamaged(thrown: unknown): null {
  if (thrown instanceof MailsealError) return null
  throw thrown
}

/** The revocation list takes a serial number once, and another reason only where it said `replaced`. */
function canEnd(revocation: RevocationRow | null, reason: RevocationReason): boolean {
  return revocation === null || (revocation.reason === 'replaced' && reason !== 'replaced')
}

async function endedCertificate(
  { unlocked, documents }: Pick<TaskContext, 'unlocked' | 'documents'>,
  reads: Reads,
  fingerprint: string,
  { reason, now }: { reason: RevocationReason; now: number },
): Promise<Uint8Array> {
  const key = await reads.key(fingerprint)
  const newest = await reads.newestCertificateOf(fingerprint)
  if (key === null || newest === null) throw new TypeError('a certificate without its key')
  const certificate = await parseCertificate(key.certificate)
  const domain = notationDomain(await documents.newest(reads))
  const at = Math.max(now, newest.validFrom, unlocked.ca.key.created.getTime() / 1000)
  return endCertificate(certificate, {
    certificationRevocation: await revokeCertification(unlocked.ca.key, certificate, {
      serial: newest.serial,
      domain,
      reason,
      at,
    }),
    subkeyRevocation: unlocked.open(subkeyRevocationLabel(fingerprint), key.sealedSubkeyRevocation),
    keyRevocation: HARD_REASONS.includes(reason)
      ? unlocked.open(keyRevocationLabel(fingerprint), key.sealedKeyRevocation)
      : null,
  })
}

/**
 * Writes what {@link prepareEndOfUse} prepared, in a transaction that found the mailbox in the version of then: whoever
 * changed it meanwhile may have given it a serial number more.
 *
 * @param now - Unix seconds: the time on the revocation list, for serial numbers that did not stand there.
 * @returns The serial numbers that stand on the next list, new or with another reason.
 */
export async function applyEndOfUse(tx: Transaction, end: PreparedEnd, now: number): Promise<string[]> {
  for (const revocation of end.revocations) await tx.putRevocation({ ...revocation, revokedAt: now })
  for (const { fingerprint, certificate } of end.published) await tx.putCertificateOf(fingerprint, certificate)
  return end.revocations.map(({ serial }) => serial)
}

/**
 * Publishes the end of keys that a former version of this program only put on the revocation list: they would pass for
 * good again once their entries leave it. Done at start, before anybody asks.
 */
export async function publishOwedEnds(context: Pick<TaskContext, 'store' | 'unlocked' | 'documents'>): Promise<void> {
  const { store } = context
  for (const { fingerprint, reason, at } of await store.read((reads) => reads.owedEnds())) {
    const certificate = await store.read((reads) =>
      endedCertificate(context, reads, fingerprint, { reason, now: at }).catch(nullIfDamaged),
    )
    if (certificate !== null) await store.transaction((tx) => tx.putCertificateOf(fingerprint, certificate))
  }
}
