import type { UserRequestFor } from '@mailseal/common/signed-request'
import type { TaskContext } from './context.ts'
import { prepareEndOfUse } from './end-of-use.ts'
import { revokeMailbox } from './revoke.ts'
import { statusAfter } from './status.ts'
import { answerOnce, type VerifiedRequest } from './verified-request.ts'

/** What an agent hears back. */
export interface RevokeAnswer {
  readonly serials: readonly string[]
  /** Number of the revocation list that is out with them; a repeat may hear of a later one. */
  readonly crlNumber: number
}

/** Ends at its user's own wish all that an administrator's `revoke` ends; answers when the list that says so is out. */
export async function revokeOwn(
  context: TaskContext,
  user: VerifiedRequest<UserRequestFor<'revoke'>>,
): Promise<RevokeAnswer> {
  const { reason } = user.request.body
  const { serials } = await answerOnce(context, user, {
    prepare: ({ mailbox }, now) =>
      context.store.read((reads) => prepareEndOfUse(context, reads, mailbox, { reason, now })),
    async work(tx, { mailbox }, now, end) {
      const status = statusAfter('revoke', mailbox)
      const serials = await revokeMailbox(context, tx, { mailbox, status, end, now })
      return { answer: { serials }, isJournaled: true }
    },
  })
  await context.outbox.removeSpent()
  const { number } = serials.length > 0 ? await context.lists.publish() : context.lists.current
  return { serials, crlNumber: number }
}
