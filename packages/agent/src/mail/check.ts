import { asAddress, LIMITS, MailsealError } from '@mailseal/common'
import type { RecipientVerdict } from '@mailseal/common/recipient'
import type { Context, Warning } from '../context.ts'
import { findRecipients } from './recipients.ts'
import { closeSetting, openSetting, warningsOf } from './setting.ts'

/** What {@link check} found. */
export interface CheckResult {
  /** In the order asked for. */
  readonly recipients: readonly RecipientVerdict[]
  readonly warnings: readonly Warning[]
}

/**
 * Finds out to whom mail can be encrypted, and why not to the others.
 *
 * @throws {@link MailsealError} `not-enrolled`, `revocation-list-missing`; `bad-data` for what is no address.
 */
export async function check(context: Context, addresses: readonly string[]): Promise<CheckResult> {
  if (addresses.length > LIMITS.messageKeys) {
    throw new MailsealError('too-large', `there are more than ${LIMITS.messageKeys} addresses`)
  }
  const asked = addresses.map(asAddress)
  const setting = await openSetting(context)
  try {
    const found = await findRecipients(context, setting, asked)
    return { recipients: found.map(({ verdict }) => verdict), warnings: warningsOf(context, setting) }
  } finally {
    closeSetting(setting)
  }
}
