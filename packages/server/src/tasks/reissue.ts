import type { TaskHandler } from './call.ts'
import { issueForEach } from './issue.ts'

/**
 * Gives mailboxes new temporary keys in place of those that they have, or had until they expired. In a key recovery the
 * history died with the old key, and the archive is opened again, unless the recovery was begun without.
 */
export const reissue: TaskHandler<'reissue'> = (context, call) =>
  issueForEach(context, call, {
    async wantsHistory({ id, status }) {
      if (status !== 'Key recovery in progress') return false
      const before = await context.store.read((reads) => reads.waitingTemporaryKey(id))
      return before?.withHistory ?? true
    },
  })
