import { reportAnswerSchema } from '@mailseal/common/rpc'
import type { UserRequestFor } from '@mailseal/common/signed-request'
import { type Context, type Enrolled, requireEnrolled } from './context.ts'
import { keyOf } from './key-file/content.ts'
import { openOwnKeyFile } from './passwords.ts'
import { AGENT, requestHead, sendRequest } from './request.ts'

/** What the KM server is told, signed by the user's key, and nothing else. Times are Unix seconds. */
export type ReportContent = Omit<UserRequestFor<'report'>, 'format'>

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
  const { crlNumber } = await sendRequest(context, enrolled, secretKey, { content, answer: reportAnswerSchema })
  return { ...content, serverCrlNumber: crlNumber }
}

function contentOf(context: Context, enrolled: Enrolled): ReportContent {
  return {
    ...requestHead(context, enrolled),
    purpose: 'report',
    body: { crlNumber: context.state.listMemory()?.number ?? 0, agent: AGENT },
  }
}
