import type { TaskHandler } from './call.ts'
import { issueForEach } from './issue.ts'

/**
 * Gives mailboxes their first temporary keys; those that were revoked get their key history back with theirs, unless
 * that is not wanted.
 */
export const enable: TaskHandler<'enable'> = (context, call) =>
  issueForEach(context, call, {
    wantsHistory: async ({ status }) => status === 'Disabled' && call.parameters.withoutHistory !== true,
  })
