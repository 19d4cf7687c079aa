import { equalBytes, MailsealError, SPANS, sha256 } from '@mailseal/common'
import { parseCertificate } from '@mailseal/common/certificate'
import {
  readUserRequest,
  type SignedRequest,
  type UserRequest,
  verifyUserRequest,
} from '@mailseal/common/signed-request'
import { record } from '../journal.ts'
import type { CertificateRow, Mailbox, Reads, Transaction } from '../store/store.ts'
import type { TaskContext } from './context.ts'
import { changedMeanwhile } from './status.ts'

/** A request that its user's key has signed: what it says is the user's word, whatever may be allowed. */
export interface VerifiedRequest<R extends UserRequest = UserRequest> {
  readonly request: R
  readonly requestHash: Uint8Array
  /** What the request names: of the key that signed it, which may be current or not. */
  readonly certificate: CertificateRow
}

/** The state in which a request is answered: its key is the mailbox's current one. */
export interface UserState {
  readonly mailbox: Mailbox
  /** The newest of the key; the request may name one from before a renewal. */
  readonly current: CertificateRow
}

/** What answers one request. */
interface Steps<P, A> {
  /** Slow work outside the transaction; done again if the mailbox changed until then, and not at all for a repeat. */
  prepare(state: UserState, now: number): Promise<P>
  /** Everything but the journal's entry. A {@link MailsealError} refuses the request and undoes what it did. */
  work(tx: Transaction, state: UserState, now: number, prepared: P): Promise<{ answer: A; isJournaled: boolean }>
}

/** How often a request is tried while others keep changing its mailbox. */
const ATTEMPTS = 5

/**
 * Finds out whose request it is.
 *
 * @param signed - Attacker-controlled.
 * @throws {@link MailsealError} `bad-data`, `too-large`, `untrusted`.
 */
export async function verifyRequest(
  { store, documents }: TaskContext,
  signed: SignedRequest,
): Promise<VerifiedRequest> {
  const claim = readUserRequest(signed.request)
  const { authority, certificate, key } = await store.read(async (reads) => {
    const found = await reads.certificate(claim.serial)
    return {
      authority: await documents.newest(reads),
      certificate: found,
      key: found && (await reads.key(found.fingerprint)),
    }
  })
  if (claim.root !== authority.rootFingerprint) {
    throw new MailsealError('untrusted', 'the request is meant for another organization')
  }
  if (!certificate || !key) {
    throw new MailsealError('untrusted', 'the request names a serial number that this KM server never gave')
  }
  const { primary } = await parseCertificate(key.certificate)
  const request = await verifyUserRequest(primary, authority.domains, signed)
  return { request, requestHash: sha256(signed.request), certificate }
}

/**
 * Answers a request once: a repeat has the same answer, also after the state changed. The first request of a key shows
 * that its enrollment's reply arrived, which is then dropped.
 *
 * @throws {@link MailsealError} `already-exists` if the id stands for another request; `clock-wrong`,
 *   `certificate-revoked`, `busy`, or what the steps refuse.
 */
export async function answerOnce<P, A extends object>(
  context: TaskContext,
  user: VerifiedRequest,
  steps: Steps<P, A>,
): Promise<A> {
  const { store, clock, random } = context
  const { request, requestHash, certificate } = user
  for (let tried = 0; tried < ATTEMPTS; tried++) {
    const seen = await store.read((reads) => look<A>(reads, user, clock.now()))
    if ('answer' in seen) return seen.answer
    const prepared = await steps.prepare(seen.state, clock.now())
    const given = await store.transaction(async (tx) => {
      const now = clock.now()
      const found = await look<A>(tx, user, now)
      if ('answer' in found) return found.answer
      const { state } = found
      if (state.mailbox.version !== seen.state.mailbox.version) return null
      const { answer, isJournaled } = await steps.work(tx, state, now, prepared)
      await tx.dropRepliesTo(certificate.fingerprint)
      await tx.putUserRequestAnswer(request.id, requestHash, JSON.stringify(answer), now)
      if (isJournaled) {
        const entry = { time: now, task: request.purpose, administrators: [], subject: state.mailbox.address }
        await record(tx, random, { ...entry, result: 'done', requestId: request.id })
      }
      return answer
    })
    if (given !== null) return given
  }
  throw changedMeanwhile('the mailbox')
}

/** The answer given before, or the state in which there may be one. */
async function look<A>(
  reads: Reads,
  user: VerifiedRequest,
  now: number,
): Promise<{ answer: A } | { state: UserState }> {
  const earlier = await reads.userRequestAnswer(user.request.id)
  if (earlier === null) {
    assertTimely(user.request, now)
    return { state: await stateOf(reads, user) }
  }
  if (equalBytes(earlier.requestHash, user.requestHash)) return { answer: JSON.parse(earlier.answer) as A }
  throw new MailsealError('already-exists', 'the request id was used for another request', {
    hint: 'use a new request id for each request',
  })
}

function assertTimely({ time }: UserRequest, now: number): void {
  if (Math.abs(time - now) <= SPANS.signedRequestTolerance) return
  throw new MailsealError('clock-wrong', 'the request is not of now: the clocks of computer and KM server differ')
}

/** The current key alone acts for its mailbox, also when its certificate has expired. */
async function stateOf(reads: Reads, { certificate }: VerifiedRequest): Promise<UserState> {
  const { serial, mailboxId, fingerprint } = certificate
  const mailbox = await reads.mailbox(mailboxId)
  if (mailbox === null) throw new TypeError('a certificate without its mailbox')
  const current = mailbox.currentSerial === null ? null : await reads.certificate(mailbox.currentSerial)
  if (current !== null && current.fingerprint !== fingerprint) {
    throw new MailsealError(
      'certificate-revoked',
      `the certificate with serial number ${serial} was replaced by one of another key`,
      { hint: 'use the key file of the newest enrollment; if that was not yours, tell your administrator at once' },
    )
  }
  if (current === null || (await reads.isRevoked(serial))) {
    throw new MailsealError('certificate-revoked', `the certificate with serial number ${serial} is revoked`)
  }
  return { mailbox, current }
}
