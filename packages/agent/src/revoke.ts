import { MailsealError } from '@mailseal/common'
import { evaluateCertificate } from '@mailseal/common/certificate'
import { type RevokeReason, revokeAnswerSchema } from '@mailseal/common/rpc'
import { adoptNewest } from './adopt.ts'
import { type Context, type Enrolled, requireEnrolled, type Warning } from './context.ts'
import { keyOf } from './key-file/content.ts'
import { ownRevocation } from './own-certificate.ts'
import { openOwnKeyFile } from './passwords.ts'
import { AGENT, requestHead, sendRequest } from './request.ts'
import { lookupHeld, refreshList, rememberRevocations } from './revocation-list.ts'
import type { Identity } from './state/state.ts'

/** What {@link revoke} did. */
export interface RevokeResult {
  readonly address: string
  readonly fingerprint: string
  /** The serial numbers that are revoked now. */
  readonly serials: readonly string[]
  readonly reason: RevokeReason
  /** Number of the first revocation list known to hold them; null if that was not heard. */
  readonly crlNumber: number | null
  /** Whether it had been revoked before. */
  readonly already: boolean
  readonly warnings: readonly Warning[]
}

/**
 * Revokes the own certificate for good, every serial number of it, and installs the revocation list that says so. All
 * signatures of the key, old and new, show as revoked from then on. Revoking again changes nothing.
 *
 * @throws {@link MailsealError} `not-enrolled`, `password-wrong`, `server-unreachable`, what the server says; `untrusted`
 *   if it says that it is done and its list does not.
 */
export async function revoke(context: Context, { reason }: { reason: RevokeReason }): Promise<RevokeResult> {
  const enrolled = await requireEnrolled(context)
  const { content } = await openOwnKeyFile(context)
  const { secretKey } = keyOf(content, enrolled.identity.fingerprint)
  const done = await request(context, enrolled, secretKey, reason)
  const warnings = await fetchList(context, enrolled)
  const { address, fingerprint } = enrolled.identity
  return { address, fingerprint, reason, ...done, warnings }
}

async function request(context: Context, enrolled: Enrolled, secretKey: Uint8Array, reason: RevokeReason) {
  const content = { ...requestHead(context, enrolled), purpose: 'revoke', body: { reason, agent: AGENT } } as const
  try {
    const answer = await sendRequest(context, enrolled, secretKey, { content, answer: revokeAnswerSchema })
    const { fingerprint } = enrolled.identity
    await rememberRevocations(context, [{ fingerprint, reason, at: content.time }])
    return { ...answer, already: false }
  } catch (error) {
    if (!(error instanceof MailsealError) || error.code !== 'certificate-revoked') throw error
    // The answer of an earlier run may have been lost. Only the list proves it; what replaced ours is another matter.
    await refreshList(context, listOptions(context, enrolled))
    const revocation = ownRevocation(context, enrolled.identity)
    if (revocation === null || revocation.reason === 'replaced') throw error
    return { serials: [enrolled.identity.serial], crlNumber: null, already: true }
  }
}

/** The own list has to know it at once: nothing is to be signed with this key any more. */
async function fetchList(context: Context, enrolled: Enrolled): Promise<readonly Warning[]> {
  try {
    await refreshList(context, listOptions(context, enrolled))
  } catch (error) {
    if (!(error instanceof MailsealError)) throw error
    return [{ code: error.code, message: `${error.message}; fetch the revocation list: mailseal sync` }]
  }
  await assertProven(context, enrolled, await adoptNewest(context, enrolled))
  return []
}

/**
 * The answer is signed by nobody; who has stolen the key may also stand on the way to the KM server. The list is, under
 * the newest serial number, and where that has expired the published certificate.
 */
async function assertProven(context: Context, { trust }: Enrolled, { serial, fingerprint }: Identity): Promise<void> {
  if (lookupHeld(context, serial) !== null) return
  const copy = context.state.certificate(fingerprint)
  if (copy !== null) {
    const { revocations } = await evaluateCertificate(copy.certificate, trust.authorities, trust.domains)
    if (revocations.length > 0) return
  }
  throw new MailsealError(
    'untrusted',
    'the KM server says that your certificate is revoked, and nothing that it publishes does',
    {
      hint: 'somebody may stand between you and the KM server: have your administrator revoke it at once',
    },
  )
}

function listOptions({ timeouts }: Context, { identity, trust }: Enrolled) {
  return { server: identity.server, trust, timeout: timeouts.download }
}
