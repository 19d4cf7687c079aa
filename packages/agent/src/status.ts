import { addMonths, SPANS } from '@mailseal/common'
import type { CrlFreshness } from '@mailseal/common/crl'
import { type Context, requireEnrolled, type Warning } from './context.ts'
import { listFreshness } from './revocation-list.ts'
import type { Identity } from './state/state.ts'
import { certificateWarnings, listWarnings } from './warnings.ts'

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
  const renewFrom = addMonths(identity.validFrom, SPANS.renewalMonths)
  const crl = listFreshness(context)
  const warnings = [...certificateWarnings(context, identity, renewFrom), ...listWarnings(crl)]
  return { ...known, renewFrom, keyFile: context.home.keyFile, crl, warnings }
}
