import type { TaskHandler } from './call.ts'
import { issueForEach } from './issue.ts'

/**
 * Gives users who lost their key temporary keys for a new one, which return all their encryption keys. The certificates
 * that they have stay good until the new one is issued.
 */
export const recover: TaskHandler<'recover'> = (context, call) =>
  issueForEach(context, call, { wantsHistory: async () => true })
