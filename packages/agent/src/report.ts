import { MailsealError, toBase64url, toHex, VERSION } from '@mailseal/common'
import { notationDomain } from '@mailseal/common/authority'
import { readPrimarySecret } from '@mailseal/common/certificate'
import { PATHS, reportAnswerSchema } from '@mailseal/common/rpc'
import { signUserRequest, type UserRequest } from '@mailseal/common/signed-request'
import { type Context, connect, type Enrolled, requireEnrolled } from './context.ts'
import { keyOf } from './key-file/content.ts'
import { openOwnKeyFile } from './passwords.ts'

/** Program and version, as the KM server is told. */
export const AGENT = `mailseal/${VERSION}`

/** What the KM server is told, signed by the user's key, and nothing else. Times are Unix seconds. */
export type ReportContent = Omit<UserRequest, 'format'>

/** What {@link report} did. */
export interface ReportResult extends ReportContent {
  /** Number of the KM server's current revocation list; null if nothing was sent. */
  readonly serverCrlNumber: number | null
}

/**
 * Tells the KM server which certificate and which revocation list this agent works with.
 *
 * @param options.show - Says what would be sent and sends nothing; needs no password.
 * @throws {@link MailsealError} `not-enrolled`, `password-wrong`, `server-unreachable`, what the server says.
 */
export async function report(context: Context, { show }: { show: boolean }): Promise<ReportResult> {
  const enrolled = await requireEnrolled(context)
  if (show) return { ...contentOf(context, enrolled), serverCrlNumber: null }
  const { content } = await openOwnKeyFile(context)
  return sendReport(context, enrolled, keyOf(content, enrolled.identity.fingerprint).secretKey)
}

/** Signs and sends a report with a key that is open already. */
export async function sendReport(context: Context, enrolled: Enrolled, secretKey: Uint8Array): Promise<ReportResult> {
  const content = contentOf(context, enrolled)
  const primary = await readPrimarySecret(secretKey)
  if (content.time * 1000 < primary.created.getTime()) {
    throw new MailsealError('clock-wrong', "this computer's clock is before the time at which the key was made")
  }
  const { request, signature } = await signUserRequest(primary, notationDomain(enrolled.trust.document), content)
  const client = connect(context, enrolled.identity.server, context.timeouts.request)
  const body = { request: toBase64url(request), signature: toBase64url(signature) }
  const { crlNumber } = await client.post(PATHS.requests, body, reportAnswerSchema)
  return { ...content, serverCrlNumber: crlNumber }
}

function contentOf(context: Context, { identity, trust }: Enrolled): ReportContent {
  return {
    purpose: 'report',
    root: trust.document.rootFingerprint,
    id: toHex(context.random(16)),
    time: context.clock.now(),
    serial: identity.serial,
    body: { crlNumber: context.state.listMemory()?.number ?? 0, agent: AGENT },
  }
}
