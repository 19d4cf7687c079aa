import { asAddress } from '@mailseal/common'
import type { ErrorBody } from '@mailseal/common/rpc'
import type { Mailbox, Transaction } from '../store/store.ts'
import type { Call } from './call.ts'
import type { TaskContext } from './context.ts'
import { doOnce, isRefused } from './once.ts'
import { mailboxOf } from './status.ts'

type AddressesTask = 'enable' | 'reissue' | 'cancel' | 'revoke'

/**
 * Does a task for each address by itself: done or refused whatever becomes of the others, each in its own transaction.
 * Afterwards nothing is left in the outbox that holds a temporary key which ended.
 *
 * @throws {@link MailsealError} as {@link doOnce}; the addresses before that one are done, and a repeat goes on behind.
 */
export async function forEachAddress<R extends { address: string }>(
  context: TaskContext,
  call: Call<AddressesTask>,
  work: (tx: Transaction, mailbox: Mailbox, now: number) => Promise<R>,
): Promise<{ results: (R | { address: string; error: ErrorBody })[] }> {
  const results: (R | { address: string; error: ErrorBody })[] = []
  try {
    for (const [index, typed] of call.parameters.addresses.entries()) {
      const outcome = await doOnce(context, call, {
        index,
        typedAddress: typed,
        work: async (tx) => work(tx, await mailboxOf(tx, asAddress(typed)), context.clock.now()),
      })
      results.push(isRefused(outcome) ? { address: typed, error: outcome.error } : outcome)
    }
  } finally {
    await context.outbox.removeSpent()
  }
  return { results }
}
