import { MailsealError, toBase64url } from '@mailseal/common'
import { evaluateCertificate, makeRenewal, parseCertificate, readPrimarySecret } from '@mailseal/common/certificate'
import { renewAnswerSchema } from '@mailseal/common/rpc'
import { adopt, adoptNewest } from './adopt.ts'
import { type Context, type Enrolled, requireEnrolled } from './context.ts'
import { type KeyFileContent, keyOf } from './key-file/content.ts'
import { assertNotRevoked, renewFromOf } from './own-certificate.ts'
import { openOwnKeyFile } from './passwords.ts'
import { AGENT, requestHead, sendRequest } from './request.ts'
import type { Identity } from './state/state.ts'

/** What {@link renew} did. */
export interface RenewResult extends Identity {
  /** Whether this computer has a newer certificate than before. */
  readonly renewed: boolean
  /** From when on the certificate that it has now can be renewed, unless the organization says otherwise; Unix seconds. */
  readonly renewFrom: number
}

/**
 * Has the own key certified for 18 months more, under a new serial number (DESIGN, section 3: renewal). What another
 * computer renewed, or this one without hearing the answer, is adopted and not renewed again. Run again after any
 * failure, it ends with one current certificate.
 *
 * @throws {@link MailsealError} `not-enrolled`, `password-wrong`, `certificate-revoked`, `certificate-expired` after the
 *   grace, `server-unreachable`, `untrusted` if what came is not our certificate, what the server says.
 */
export async function renew(context: Context): Promise<RenewResult> {
  const enrolled = await requireEnrolled(context)
  const before = enrolled.identity
  assertNotRevoked(context, before)
  const { content } = await openOwnKeyFile(context)
  const current = { ...enrolled, identity: await adoptNewest(context, enrolled) }
  const isAdopted = current.identity.serial !== before.serial
  const isDue = context.clock.now() >= renewFromOf(current.identity)
  const identity = isAdopted && !isDue ? current.identity : await requestRenewal(context, current, content)
  return { ...identity, renewed: identity.serial !== before.serial, renewFrom: renewFromOf(identity) }
}

async function requestRenewal(context: Context, enrolled: Enrolled, content: KeyFileContent): Promise<Identity> {
  const { identity } = enrolled
  const { secretKey } = keyOf(content, identity.fingerprint)
  const head = requestHead(context, enrolled)
  const certificate = await parseCertificate(ownCertificate(context, identity, content))
  const { selfSignature, binding } = await makeRenewal(await readPrimarySecret(secretKey), certificate, head.time)
  const body = { selfSignature: toBase64url(selfSignature), binding: toBase64url(binding), agent: AGENT }
  try {
    const answer = await sendRequest(context, enrolled, secretKey, {
      content: { ...head, purpose: 'renew', body },
      answer: renewAnswerSchema,
    })
    return await acceptAnswer(context, enrolled, certificate.userId, answer)
  } catch (error) {
    // The organization may renew earlier than others; where it does not, there is nothing to do, and that is no failure.
    const isEarly =
      error instanceof MailsealError && error.code === 'task-not-allowed' && head.time < renewFromOf(identity)
    if (isEarly) return identity
    throw error
  }
}

/** The newest copy of the own certificate. */
function ownCertificate({ state }: Context, { fingerprint }: Identity, content: KeyFileContent): Uint8Array {
  return state.certificate(fingerprint)?.certificate ?? content.certificate
}

/**
 * Our own key, our own name, certified by an active CA under the serial number that the answer names, later than before:
 * an old answer come back would pass for nothing to do.
 */
async function acceptAnswer(
  context: Context,
  enrolled: Enrolled,
  userId: string,
  { certificate: bytes, serial }: { certificate: Uint8Array; serial: string },
): Promise<Identity> {
  const { identity, trust } = enrolled
  const certificate = await evaluateCertificate(bytes, trust.authorities, trust.domains)
  if (certificate.fingerprint !== identity.fingerprint) throw notOurs('is for another key')
  if (certificate.userId !== userId) throw notOurs('is for another name')
  const active = new Set(trust.authorities.filter((one) => one.state === 'active').map((one) => one.fingerprint))
  const isCertified = certificate.certifications.some(
    (one) => one.serial === serial && active.has(one.authority) && one.validFrom > identity.validFrom,
  )
  if (!isCertified) throw notOurs('is not certified by the organization as it has to be')
  return adopt(context, enrolled, certificate, bytes)
}

function notOurs(fault: string): MailsealError {
  return new MailsealError('untrusted', `the certificate in the answer ${fault}`, {
    hint: 'somebody may stand between you and the KM server; nothing is lost, run the same command again',
  })
}
