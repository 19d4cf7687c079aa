import { MailsealError } from '@mailseal/common'
import { type Ask, option } from '@mailseal/common/program'

export const confirmOption = option.flag('--yes', 'do not ask for confirmation on a terminal')

/**
 * Asks where somebody can be asked; a script that gives such a command means it.
 *
 * @throws {@link MailsealError} `canceled` without a yes.
 */
export async function confirm(ask: Ask, message: string): Promise<void> {
  if (!ask.possible) return
  if (await ask.confirm({ message })) return
  throw new MailsealError('canceled', 'not confirmed; nothing was done')
}
