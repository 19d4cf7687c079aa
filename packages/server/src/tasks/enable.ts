import type { TaskHandler } from './call.ts'
import { forEachAddress } from './each-address.ts'
import { changeMailbox, statusAfter } from './status.ts'
import { issueTemporaryKey } from './temporary-keys.ts'

/** Gives mailboxes their first temporary keys. */
export const enable: TaskHandler<'enable'> = (context, call) =>
  forEachAddress(context, call, async (tx, mailbox, now) => {
    const status = statusAfter('enable', mailbox)
    await changeMailbox(tx, mailbox, { status })
    return issueTemporaryKey(context, tx, { mailbox, status, now })
  })
