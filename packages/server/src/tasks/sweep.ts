import { SPANS } from '@mailseal/common'
import type { TaskContext } from './context.ts'
import { endExpiredKeys } from './temporary-keys.ts'

/**
 * Lets go of what is past its time: secrets of expired temporary keys, remembered answers and replies, tokens, and files
 * in the outbox. Done at start and every so often; nothing depends on when.
 */
export async function sweep({ store, outbox, clock }: Pick<TaskContext, 'store' | 'outbox' | 'clock'>): Promise<void> {
  const now = clock.now()
  await store.transaction(async (tx) => {
    await endExpiredKeys(tx, await tx.expiredTemporaryKeys(now))
    await tx.eraseTaskAnswers(now - SPANS.taskResultKept)
    await tx.dropReplies(now - SPANS.replyKept)
    // A request is taken so much before and after its own time; later a repeat is refused for its age.
    await tx.dropUserRequestAnswers(now - 2 * SPANS.signedRequestTolerance)
    await tx.dropSendTokens(now)
  })
  await outbox.removeSpent()
}
