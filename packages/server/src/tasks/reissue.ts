import type { TaskHandler } from './call.ts'
import { forEachAddress } from './each-address.ts'
import { changeMailbox, statusAfter } from './status.ts'
import { endLiveTemporaryKey, issueTemporaryKey } from './temporary-keys.ts'

/** Gives mailboxes new temporary keys in place of those that they have, or had until they expired. */
export const reissue: TaskHandler<'reissue'> = (context, call) =>
  forEachAddress(context, call, async (tx, mailbox, now) => {
    const status = statusAfter('reissue', mailbox)
    await endLiveTemporaryKey(tx, mailbox.id, 'replaced', now)
    await changeMailbox(tx, mailbox, { status })
    return issueTemporaryKey(context, tx, { mailbox, status, now })
  })
