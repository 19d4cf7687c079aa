import type { Status } from '@mailseal/common/rpc'
import type { Mailbox, Transaction } from '../store/store.ts'
import type { TaskHandler } from './call.ts'
import type { TaskContext } from './context.ts'
import { forEachAddress } from './each-address.ts'
import { applyEndOfUse, type PreparedEnd, prepareEndOfUse } from './end-of-use.ts'
import { withListNumber } from './list-number.ts'
import { changeMailbox, statusAfter } from './status.ts'
import { endLiveTemporaryKey } from './temporary-keys.ts'

/** Ends every unexpired serial number of mailboxes, and temporary keys; answers when the list that says so is out. */
export const revoke: TaskHandler<'revoke'> = async (context, call) => {
  const { reason } = call.parameters
  const task = forEachAddress(context, call, {
    async prepare(mailbox, now) {
      statusAfter('revoke', mailbox)
      return context.store.read((reads) => prepareEndOfUse(context, reads, mailbox, { reason, now }))
    },
    async work(tx, mailbox, now, end) {
      const status = statusAfter('revoke', mailbox)
      return {
        address: mailbox.address,
        status,
        serials: await revokeMailbox(context, tx, { mailbox, status, end, now }),
      }
    },
  })
  return { results: await withListNumber(context, task) }
}

/**
 * Ends all that a mailbox has, its temporary key included.
 *
 * @returns The serial numbers that enter the revocation list.
 * @throws {@link MailsealError} `clock-wrong` if they could not, since no list can follow.
 */
export async function revokeMailbox(
  { lists }: TaskContext,
  tx: Transaction,
  { mailbox, status, end, now }: { mailbox: Mailbox; status: Status; end: PreparedEnd; now: number },
): Promise<string[]> {
  await endLiveTemporaryKey(tx, mailbox.id, 'revoked', now)
  const serials = await applyEndOfUse(tx, end, now)
  if (serials.length > 0) lists.assertCanPublish()
  await changeMailbox(tx, mailbox, { status, currentSerial: null })
  return serials
}
