import { asAddress } from '@mailseal/common'
import type { ErrorBody } from '@mailseal/common/rpc'
import type { Mailbox, Transaction } from '../store/store.ts'
import type { Call } from './call.ts'
import type { TaskContext } from './context.ts'
import { doOnce, isRefused } from './once.ts'
import { mailboxOf } from './status.ts'

type AddressesTask = 'enable' | 'recover' | 'reissue' | 'cancel' | 'revoke' | 'mailboxes.remove'

/** An address that was refused. */
export interface RefusedAddress {
  readonly address: string
  readonly error: ErrorBody
}

/** What a task does for one address; whatever either step refuses is the address's answer. */
export interface AddressSteps<R, P> {
  /**
   * Slow work outside the transaction, for the mailbox as it is now. Done again if the mailbox changed until the
   * transaction, and not at all for a repeat.
   */
  prepare?(mailbox: Mailbox, now: number): Promise<P>
  /** @param prepared - Made for exactly this mailbox. */
  work(tx: Transaction, mailbox: Mailbox, now: number, prepared: P): Promise<R>
}

/**
 * Does a task for each address by itself: done or refused whatever becomes of the others, each in its own transaction.
 * Afterwards nothing is left in the outbox that holds a temporary key which ended.
 *
 * @throws {@link MailsealError} as {@link doOnce}; the addresses before that one are done, and a repeat goes on behind.
 */
export async function forEachAddress<R extends { address: string }, P = undefined>(
  context: TaskContext,
  call: Call<AddressesTask>,
  steps: AddressSteps<R, P>,
): Promise<{ results: (R | RefusedAddress)[] }> {
  const results: (R | RefusedAddress)[] = []
  try {
    for (const [index, typed] of call.parameters.addresses.entries()) {
      const outcome = await doOnce(context, call, { index, typedAddress: typed, ...onMailbox(context, typed, steps) })
      results.push(isRefused(outcome) ? { address: typed, error: outcome.error } : outcome)
    }
  } finally {
    await context.outbox.removeSpent()
  }
  return { results }
}

/** The two steps of one piece of a task, which is about the mailbox with this address. */
export function onMailbox<R, P>({ store, clock }: TaskContext, typed: string, { prepare, work }: AddressSteps<R, P>) {
  return {
    async prepare() {
      const mailbox = await store.read((reads) => mailboxOf(reads, asAddress(typed)))
      return { mailbox, prepared: (await prepare?.(mailbox, clock.now())) as P }
    },
    async work(tx: Transaction, { mailbox, prepared }: { mailbox: Mailbox; prepared: P }): Promise<R | null> {
      const now = await mailboxOf(tx, asAddress(typed))
      if (now.id !== mailbox.id || now.version !== mailbox.version) return null
      return work(tx, now, clock.now(), prepared)
    },
  }
}
