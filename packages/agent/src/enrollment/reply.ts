import { MailsealError, toBase64url } from '@mailseal/common'
import { type Authority, assertSuccessor, readAuthority } from '@mailseal/common/authority'
import { evaluateCertificate, parseCertificate } from '@mailseal/common/certificate'
import { type EnrollmentReply, openEnrollmentReply } from '@mailseal/common/enrollment'
import { enrollAnswerSchema, PATHS } from '@mailseal/common/rpc'
import { type Context, connect } from '../context.ts'
import { type Trust, trustOf } from '../trust.ts'
import type { PendingEnrollment } from './pending.ts'

/** A reply that opened and is right: this key is certified. */
export interface CertifiedReply extends EnrollmentReply {
  readonly document: Authority
  readonly trust: Trust
}

/**
 * Sends the request's bytes and opens the reply.
 *
 * @throws {@link MailsealError} whatever the server or the network said, which proves nothing: the same bytes may be
 *   sent again; `untrusted` if what came is not the reply.
 */
export async function exchange(context: Context, pending: PendingEnrollment): Promise<CertifiedReply> {
  const client = connect(context, pending.server, context.timeouts.request)
  const answer = await client.post(PATHS.enroll, { request: toBase64url(pending.request) }, enrollAnswerSchema)
  const reply = openReplyTo(pending, answer.reply)
  const document = readAuthority(reply.authority)
  assertSuccessor(readAuthority(pending.authority), document)
  const trust = await trustOf(document)
  await assertCertified(pending, reply, trust)
  return { ...reply, document, trust }
}

function openReplyTo(pending: PendingEnrollment, reply: Uint8Array): EnrollmentReply {
  try {
    return openEnrollmentReply({ key: pending.replyKey, nonce: pending.replyNonce }, pending.request, reply)
  } catch (cause) {
    throw notOurs('the answer is not the reply to this enrollment', cause)
  }
}

/** Our own key, our own name, certified by an active CA under the serial number that the reply names. */
async function assertCertified(pending: PendingEnrollment, reply: EnrollmentReply, trust: Trust): Promise<void> {
  const { subkeyFingerprint } = await parseCertificate(reply.certificate)
  const certificate = await evaluateCertificate(reply.certificate, trust.authorities, trust.domains)
  if (certificate.fingerprint !== pending.fingerprint || subkeyFingerprint !== pending.subkeyFingerprint) {
    throw notOurs('the certificate in the reply is for another key')
  }
  if (certificate.userId !== pending.userId) throw notOurs('the certificate in the reply is for another name')
  const active = new Set(trust.authorities.filter((one) => one.state === 'active').map((one) => one.fingerprint))
  const isCertified = certificate.certifications.some(
    (one) =>
      one.serial === reply.serial &&
      active.has(one.authority) &&
      one.validFrom === pending.validFrom &&
      one.validTo === pending.validTo,
  )
  if (!isCertified) throw notOurs('the certificate in the reply is not certified by the organization as it has to be')
}

function notOurs(message: string, cause?: unknown): MailsealError {
  return new MailsealError('untrusted', message, {
    hint: 'somebody may stand between you and the KM server; nothing is lost, run the same command again',
    cause,
  })
}
