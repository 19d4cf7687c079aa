import { MailsealError } from '@mailseal/common'

const SECONDS = new Map([
  ['h', 3600],
  ['d', 86_400],
  ['w', 604_800],
])

/**
 * Reads a span of time as people type it: `36h`, `60d`, `2w`.
 *
 * @param flag - The option that it stands behind.
 * @returns Seconds.
 * @throws {@link MailsealError} `usage`.
 */
export function asDuration(text: string, flag: string): number {
  const [, amount, unit = ''] = /^(\d{1,5})([hdw])$/.exec(text) ?? []
  const seconds = SECONDS.get(unit)
  if (amount === undefined || seconds === undefined) {
    throw new MailsealError('usage', `${flag} is no span of time`, { hint: 'write hours, days or weeks: 36h, 60d, 2w' })
  }
  return Number(amount) * seconds
}
