import { equalBytes, MailsealError, SPANS, sha256 } from '@mailseal/common'
import { parseCertificate } from '@mailseal/common/certificate'
import {
  readUserRequest,
  type SignedRequest,
  type UserRequest,
  verifyUserRequest,
} from '@mailseal/common/signed-request'
import type { CertificateRow, Reads } from '../store/store.ts'
import type { TaskContext } from './context.ts'

/** What an agent hears back. */
export interface ReportAnswer {
  /** Number of the current revocation list. */
  readonly crlNumber: number
}

/**
 * Takes an agent's report of its state, signed by the user's primary key. Idempotent: the same request has the same
 * answer. The first one shows that the enrollment's reply arrived, which is then dropped. Reports are no task of anybody
 * and stay out of the journal.
 *
 * @param signed - Attacker-controlled.
 * @throws {@link MailsealError} `bad-data`, `untrusted`, `certificate-revoked`, `clock-wrong`, `already-exists`.
 */
export async function takeReport(context: TaskContext, signed: SignedRequest): Promise<ReportAnswer> {
  const claim = readUserRequest(signed.request)
  const { certificate, request } = await verify(context, signed, claim)
  const requestHash = sha256(signed.request)
  return context.store.transaction(async (tx) => {
    const earlier = await earlierAnswer(tx, request.id, requestHash)
    if (earlier !== null) return earlier
    const now = context.clock.now()
    assertTimely(request, now)
    await assertNotRevoked(tx, request.serial)
    const answer: ReportAnswer = { crlNumber: context.lists.current.number }
    const { crlNumber, agent: version } = request.body
    await tx.putReport(certificate.mailboxId, { time: now, crlNumber, version })
    await tx.dropRepliesTo(certificate.fingerprint)
    await tx.putUserRequestAnswer(request.id, requestHash, JSON.stringify(answer), now)
    return answer
  })
}

/** Whose request it is: verified from here on. */
async function verify(
  { store, documents }: TaskContext,
  signed: SignedRequest,
  claim: UserRequest,
): Promise<{ certificate: CertificateRow; request: UserRequest }> {
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
  return { certificate, request: await verifyUserRequest(primary, authority.domains, signed) }
}

async function earlierAnswer(reads: Reads, id: string, requestHash: Uint8Array): Promise<ReportAnswer | null> {
  const stored = await reads.userRequestAnswer(id)
  if (stored === null) return null
  if (equalBytes(stored.requestHash, requestHash)) return JSON.parse(stored.answer) as ReportAnswer
  throw new MailsealError('already-exists', 'the request id was used for another request', {
    hint: 'use a new request id for each request',
  })
}

function assertTimely({ time }: UserRequest, now: number): void {
  if (Math.abs(time - now) <= SPANS.signedRequestTolerance) return
  throw new MailsealError('clock-wrong', 'the request is not of now: the clocks of computer and KM server differ')
}

async function assertNotRevoked(reads: Reads, serial: string): Promise<void> {
  if (!(await reads.isRevoked(serial))) return
  throw new MailsealError('certificate-revoked', `the certificate with serial number ${serial} is revoked`)
}
