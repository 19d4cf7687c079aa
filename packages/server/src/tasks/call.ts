import { MailsealError } from '@mailseal/common'
import type { TaskAnswer, TaskName, TaskParameters } from '@mailseal/common/rpc'
import type { VerifiedAdministrator } from '../administrators.ts'
import type { TaskContext } from './context.ts'

/** An administrator's task, decoded, validated and authorized. */
export interface Call<T extends TaskName> {
  readonly task: T
  readonly requestId: string
  /** SHA-256 of task, administrators and parameters: tells a repeat from another request under the same id. */
  readonly requestHash: Uint8Array
  /** Names of those whose passwords were right, in their order. */
  readonly administrators: readonly string[]
  readonly parameters: TaskParameters<T>
  /** The same with their keys, which open the archive: gone when the task is done, and never stored, hashed or logged. */
  readonly verified: readonly VerifiedAdministrator[]
}

/** Does one task. */
export type TaskHandler<T extends TaskName> = (context: TaskContext, call: Call<T>) => Promise<TaskAnswer<T>>

/** Whether an error refuses a task for good, rather than telling that the server could not do it just now. */
export function isRefusal(thrown: unknown): thrown is MailsealError {
  return thrown instanceof MailsealError && thrown.code !== 'busy' && thrown.code !== 'internal-error'
}
