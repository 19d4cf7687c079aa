import { MailsealError } from '@mailseal/common'
import type { CrlFreshness } from '@mailseal/common/crl'
import { type Context, requireEnrolled, type Warning } from './context.ts'
import { renewFromOf } from './own-certificate.ts'
import { listFreshness } from './revocation-list.ts'
import type { Identity } from './state/state.ts'
import { certificateWarnings, foreignWarnings, listWarnings } from './warnings.ts'

/** How things stand. Times are Unix seconds. */
export interface AgentStatus extends Omit<Identity, 'directoryToken'> {
  /** From when on the certificate should be renewed. */
  readonly renewFrom: number
  readonly keyFile: string
  readonly crl: CrlFreshness
  readonly warnings: readonly Warning[]
}

/**
 * Says how things stand, from what is held here: nothing is sent.
 *
 * @throws {@link MailsealError} `not-enrolled`.
 */
export async function status(context: Context): Promise<AgentStatus> {
  const { identity } = await requireEnrolled(context)
  const { directoryToken: _, ...known } = identity
  const crl = listFreshness(context)
  const warnings = [...certificateWarnings(context, identity), ...foreignWarnings(context), ...listWarnings(crl)]
  return { ...known, renewFrom: renewFromOf(identity), keyFile: context.home.keyFile, crl, warnings }
}

/**
 * Stops the warning about one foreign certificate for the own address; any other is warned about again.
 *
 * @param typed - Its fingerprint, as people copy it: any case, blanks and colons between.
 * @throws {@link MailsealError} `usage`; `not-found` if no such certificate was seen.
 */
export async function acknowledge({ state }: Context, typed: string): Promise<void> {
  const fingerprint = typed.replace(/[\s:]/g, '').toLowerCase()
  if (!/^[0-9a-f]{40}$/.test(fingerprint)) {
    throw new MailsealError('usage', 'the fingerprint does not have 40 hex digits', {
      hint: 'copy it from the warning: mailseal status',
    })
  }
  const wasSeen = await state.exclusively(async (writer) => writer.acknowledgeForeign(fingerprint))
  if (wasSeen) return
  throw new MailsealError('not-found', 'no foreign certificate with this fingerprint was seen here', {
    hint: 'see those that were: mailseal status',
  })
}
