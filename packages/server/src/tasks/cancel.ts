import type { TaskHandler } from './call.ts'
import { forEachAddress } from './each-address.ts'
import { changeMailbox, statusAfter } from './status.ts'
import { endLiveTemporaryKey } from './temporary-keys.ts'

/** Takes temporary keys back that were not used. */
export const cancel: TaskHandler<'cancel'> = (context, call) =>
  forEachAddress(context, call, {
    async work(tx, mailbox, now) {
      const status = statusAfter('cancel', mailbox)
      await endLiveTemporaryKey(tx, mailbox.id, 'canceled', now)
      await changeMailbox(tx, mailbox, { status })
      return { address: mailbox.address, status }
    },
  })
