import { MailsealError, type Random, toHex } from '@mailseal/common'
import {
  type Credentials,
  isLoopback,
  PATHS,
  type RpcClient,
  TASKS,
  type TaskName,
  type TaskParameters,
  type TaskResult,
} from '@mailseal/common/rpc'

/** Answers with the names and passwords for a task; asked once for each task, however many requests that takes. */
export type CredentialsProvider = (task: TaskName) => Promise<readonly Credentials[]>

/** Sends tasks with somebody's passwords. */
export interface TaskCaller {
  /**
   * Has the passwords entered.
   *
   * @throws {@link MailsealError} `refused-by-policy` where they would travel unprotected; nobody is asked then.
   */
  authorize(task: TaskName): Promise<readonly Credentials[]>
  /** Runs a task once, also if its answer is lost on the way. */
  call<T extends TaskName>(
    task: T,
    parameters: TaskParameters<T>,
    credentials: readonly Credentials[],
  ): Promise<TaskResult<T>>
}

/**
 * Refuses a way to the KM server on which others could read what is sent (DESIGN.md, section 10).
 *
 * @throws {@link MailsealError} `refused-by-policy`.
 */
export function assertConfidential(server: URL): void {
  if (server.protocol === 'https:' || isLoopback(server)) return
  throw new MailsealError('refused-by-policy', `passwords and temporary keys are never sent to ${server.origin}`, {
    hint: 'use the https:// address of the KM server, or run mailseal-admin on its own machine',
  })
}

export function createTaskCaller(options: {
  readonly rpc: RpcClient
  readonly credentials: CredentialsProvider
  readonly random: Random
}): TaskCaller {
  const { rpc, credentials, random } = options
  return {
    async authorize(task) {
      assertConfidential(rpc.server)
      return credentials(task)
    },
    async call(task, parameters, entered) {
      assertConfidential(rpc.server)
      const body = { requestId: toHex(random(16)), credentials: entered, parameters }
      const send = () => rpc.post(PATHS.tasks + task, body, TASKS[task].result)
      try {
        return await send()
      } catch (thrown) {
        // The task may be done and only its answer lost; the same request id brings the same answer.
        if (thrown instanceof MailsealError && thrown.code === 'server-unreachable') return send()
        throw thrown
      }
    },
  }
}
