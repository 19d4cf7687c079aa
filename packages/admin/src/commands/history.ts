import { asAddress, MailsealError } from '@mailseal/common'
import type { Ask } from '@mailseal/common/program'
import type { IssuedKey, MailboxView, Status } from '@mailseal/common/rpc'
import type { Admin } from '../admin.ts'
import { confirm } from './confirm.ts'
import { mailboxTitle } from './mailbox-view.ts'

/* The key history that comes back with a temporary key: whoever enrolls with it can read the mail of before. */

/** From which statuses a task returns it (DESIGN.md, section 5). */
const RETURNS_FROM = {
  enable: ['Disabled'],
  recover: ['Active', 'Disabled'],
  reissue: ['Key recovery in progress'],
} as const satisfies Record<string, readonly Status[]>

export type HistoryTask = keyof typeof RETURNS_FROM

interface Talk {
  readonly ask: Ask
  say(text: string): Promise<void>
}

/**
 * Names whose history a task will return and goes on only after a yes. Where nobody can be asked it does nothing: it
 * costs a password check, and {@link historyLine} names the same from the task's answer.
 *
 * @throws {@link MailsealError} `canceled`, and what the list of mailboxes throws.
 */
export async function confirmHistory(
  { ask, say }: Talk,
  admin: Admin,
  { task, addresses }: { readonly task: HistoryTask; readonly addresses: readonly string[] },
): Promise<void> {
  if (!ask.possible) return
  const statuses: readonly Status[] = RETURNS_FROM[task]
  const returning = (await knownMailboxes(admin, addresses)).filter(({ status }) => statuses.includes(status))
  if (returning.length === 0) return
  await say(returning.map((mailbox) => historyLine(mailbox, mailbox.archivedKeys)).join('\n'))
  await say('whoever enrolls with the temporary key can read the mail that was encrypted to these keys')
  if (task === 'reissue') await say('nothing comes back where the mailbox was enabled with --without-history')
  await confirm(ask, `Return the key history of ${returning.map(({ address }) => address).join(', ')}?`)
}

/** One line about one mailbox. */
export function historyLine(mailbox: Pick<MailboxView, 'name' | 'address'>, keys: number): string {
  const returns = `the key history of ${mailboxTitle(mailbox)} comes back: ${keysText(keys)}`
  return keys === 0 ? `${mailboxTitle(mailbox)} has no key history: the archive holds no encryption keys` : returns
}

/** What waits under a temporary key, for the person who issued it. */
export function describeHistory({ keys }: NonNullable<IssuedKey['history']>): string {
  return keys === 0 ? 'no encryption keys come back' : `${keysText(keys)} come${keys === 1 ? 's' : ''} back`
}

/** What the loss of each damaged archive entry means. */
export function damageLines({ address, history }: Pick<IssuedKey, 'address' | 'history'>): string[] {
  return (history?.damaged ?? []).map(
    (fingerprint) =>
      `${address}: the archive's copy of encryption key ${fingerprint} is damaged and does not come back; mail encrypted to that key cannot be opened again, unless its user still has the old key file`,
  )
}

const keysText = (keys: number) => `${keys} encryption key${keys === 1 ? '' : 's'}`

/** Those that the KM server knows; what is wrong with the others the task itself says. */
async function knownMailboxes(admin: Admin, typed: readonly string[]): Promise<MailboxView[]> {
  const wanted = new Set(typed.flatMap(addressIn))
  if (wanted.size === 0) return []
  try {
    return await collect(admin.mailboxes.list({ addresses: [...wanted] }))
  } catch (thrown) {
    if (!(thrown instanceof MailsealError && thrown.code === 'not-found')) throw thrown
    if (wanted.size === 1) return []
    return (await collect(admin.mailboxes.list())).filter(({ address }) => wanted.has(address))
  }
}

function addressIn(typed: string): string[] {
  try {
    return [asAddress(typed)]
  } catch {
    return []
  }
}

async function collect(pages: AsyncIterable<readonly MailboxView[]>): Promise<MailboxView[]> {
  const all: MailboxView[] = []
  for await (const page of pages) all.push(...page)
  return all
}
