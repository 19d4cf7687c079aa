import { MailsealError } from '@mailseal/common'
import { crlFreshness } from '@mailseal/common/crl'
import type { ListState } from '@mailseal/common/verdict'
import { type Context, type Enrolled, requireEnrolled, type Warning } from '../context.ts'
import { type HeldList, isListMissing, openHeldList, refreshList } from '../revocation-list.ts'
import { foreignWarnings, listWarnings } from '../warnings.ts'

/** What messages and recipients are judged by: the same for all that are looked at together. Close it. */
export interface Setting {
  readonly enrolled: Enrolled
  /** Whether the KM server is worth asking. */
  readonly isOnline: boolean
  readonly held: HeldList | null
  readonly warnings: readonly Warning[]
}

/**
 * Makes ready to judge: asks the KM server for a newer revocation list, briefly, and goes on with the own one where it
 * does not answer.
 *
 * @throws {@link MailsealError} `not-enrolled`.
 */
export async function openSetting(context: Context): Promise<Setting> {
  const enrolled = await requireEnrolled(context)
  const { isOnline, warnings } = await refreshBriefly(context, enrolled)
  return { enrolled, isOnline, held: openHeldList(context), warnings: [...warnings, ...foreignWarnings(context)] }
}

/** What is to be said beside people that were judged: also that the list is too old to know of the latest revocations. */
export function warningsOf({ clock }: Context, { held, warnings }: Setting): readonly Warning[] {
  return [...warnings, ...listWarnings(crlFreshness(held?.header, clock.now()))]
}

export function closeSetting({ held }: Setting): void {
  held?.close()
}

async function refreshBriefly(context: Context, { identity, trust }: Enrolled) {
  try {
    await refreshList(context, { server: identity.server, trust, timeout: context.timeouts.refresh })
    return { isOnline: true, warnings: [] }
  } catch (error) {
    if (!(error instanceof MailsealError)) throw error
    const { code, message } = error
    return {
      isOnline: code !== 'server-unreachable',
      warnings: code === 'server-unreachable' ? [] : [{ code, message }],
    }
  }
}

/**
 * Does `work` by the list held. One that turns out to be damaged counts as missing for all of it: the work is done again
 * without a list.
 */
export async function byUsableList<T>(
  context: Context,
  setting: Setting,
  work: (setting: Setting, list: ListState) => Promise<T>,
): Promise<T> {
  const now = context.clock.now()
  try {
    return await work(setting, crlFreshness(setting.held?.header, now))
  } catch (error) {
    if (!isListMissing(error)) throw error
    return work({ ...setting, held: null }, crlFreshness(undefined, now))
  }
}
