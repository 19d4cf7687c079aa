import { judgeSignatures, type ListState, type SignatureVerdict } from '@mailseal/common/verdict'
import type { Context } from '../context.ts'
import { findCertificate } from '../directory.ts'
import { rememberRevocations } from '../revocation-list.ts'
import type { Setting } from './setting.ts'

/** Signatures over the same bytes, and who is said to have made them. */
export interface Judged {
  /** Signature packets, armored or binary. */
  readonly signature: Uint8Array
  /** Exactly what they cover. */
  readonly signedBytes: Uint8Array
  /** The one From address; null if there is not exactly one. */
  readonly from: string | null
}

/** Judges signatures by all that is known here and at the KM server, and remembers for ever that a key was revoked. */
export async function judge(
  context: Context,
  { enrolled, isOnline, held }: Setting,
  list: ListState,
  judged: Judged,
): Promise<SignatureVerdict> {
  const { document, authorities, domains } = enrolled.trust
  const verdict = await judgeSignatures({
    ...judged,
    now: context.clock.now(),
    findCertificate: (fingerprint, how) => findCertificate(context, enrolled, { fingerprint, how, isOnline }),
    authorities,
    domains,
    list,
    listPolicy: document.listPolicy,
    lookup: (serial) => held?.lookup(serial) ?? null,
    remembered: (fingerprint) => context.state.revokedKey(fingerprint),
  })
  const { status, fingerprint, reason, revokedAt } = verdict
  if (status === 'revoked' && fingerprint !== null && reason !== null && revokedAt !== null) {
    await rememberRevocations(context, [{ fingerprint, reason, at: revokedAt }])
  }
  return verdict
}
