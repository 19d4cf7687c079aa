import type { TaskHandler } from './call.ts'
import { forEachAddress } from './each-address.ts'
import { applyEndOfUse, prepareEndOfUse } from './end-of-use.ts'
import { withListNumber } from './list-number.ts'
import { changedMeanwhile } from './status.ts'
import { endLiveTemporaryKey } from './temporary-keys.ts'

/**
 * Revokes mailboxes because their users left, ends their ids for ever and frees their addresses; answers when the list
 * that says so is out. Whoever gets an address later has no part in its history.
 */
export const removeMailboxes: TaskHandler<'mailboxes.remove'> = async (context, call) => {
  const task = forEachAddress(context, call, {
    prepare: (mailbox, now) =>
      context.store.read((reads) => prepareEndOfUse(context, reads, mailbox, { reason: 'left', now })),
    async work(tx, mailbox, now, end) {
      await endLiveTemporaryKey(tx, mailbox.id, 'revoked', now)
      const serials = await applyEndOfUse(tx, end, now)
      if (serials.length > 0) context.lists.assertCanPublish()
      if (!(await tx.removeMailbox(mailbox, now))) throw changedMeanwhile(mailbox.address)
      return { address: mailbox.address, serials }
    },
  })
  return { results: await withListNumber(context, task) }
}
