import { MailsealError, sha256, utf8 } from '@mailseal/common'
import type { Credentials, TaskAnswer, TaskName, TaskParameters } from '@mailseal/common/rpc'
import { checkCredentials, type VerifiedAdministrator } from '../administrators.ts'
import { record } from '../journal.ts'
import { type Call, isRefusal, type TaskHandler } from './call.ts'
import { cancel } from './cancel.ts'
import type { TaskContext } from './context.ts'
import { enable } from './enable.ts'
import { journal } from './journal.ts'
import { addMailbox } from './mailboxes-add.ts'
import { changeMailboxDetails } from './mailboxes-change.ts'
import { listMailboxes } from './mailboxes-list.ts'
import { removeMailboxes } from './mailboxes-remove.ts'
import { requiredNumber } from './policy.ts'
import { recover } from './recover.ts'
import { reissue } from './reissue.ts'
import { revoke } from './revoke.ts'

/** Every task of an administrator; adding one is adding a file and a line here. */
const HANDLERS: { readonly [T in TaskName]: TaskHandler<T> } = {
  'mailboxes.add': addMailbox,
  'mailboxes.list': listMailboxes,
  'mailboxes.change': changeMailboxDetails,
  'mailboxes.remove': removeMailboxes,
  enable,
  recover,
  reissue,
  cancel,
  revoke,
  journal,
}

/** An administrator's request, decoded and validated. */
export interface TaskRequest<T extends TaskName> {
  readonly requestId: string
  readonly credentials: readonly Credentials[]
  readonly parameters: TaskParameters<T>
}

/**
 * Authorizes a task and does it. What changes something is journaled, done or refused, and so are wrong passwords;
 * looking is not.
 *
 * @throws {@link MailsealError} `password-wrong`, `busy`, or what the task refuses as a whole.
 */
export async function runTask<T extends TaskName>(
  context: TaskContext,
  task: T,
  request: TaskRequest<T>,
): Promise<TaskAnswer<T>> {
  const verified = await authorize(context, task, request)
  const { requestId, parameters } = request
  const administrators = verified.map(({ name }) => name).sort()
  const requestHash = sha256(utf8('mailseal/1 task\n'), utf8(JSON.stringify([task, administrators, parameters])))
  const call: Call<T> = { task, requestId, requestHash, administrators, parameters, verified }
  try {
    return await HANDLERS[task](context, call)
  } finally {
    for (const { keyPair } of verified) keyPair.privateKey.fill(0)
  }
}

/** @returns Those whose passwords were right: as many as the task requires. */
async function authorize(
  context: TaskContext,
  task: TaskName,
  { requestId, credentials }: Pick<TaskRequest<TaskName>, 'requestId' | 'credentials'>,
): Promise<VerifiedAdministrator[]> {
  try {
    const verified = await checkCredentials(context.store, credentials)
    assertEnough(task, verified.length)
    return verified
  } catch (thrown) {
    if (isRefusal(thrown)) {
      const entry = { time: context.clock.now(), task, administrators: [], subject: '', requestId }
      await context.store.transaction((tx) => record(tx, context.random, { ...entry, result: thrown.code }))
    }
    throw thrown
  }
}

function assertEnough(task: TaskName, given: number): void {
  const required = requiredNumber(task)
  if (given >= required) return
  const passwords = required === 1 ? "1 administrator's password" : `the passwords of ${required} administrators`
  throw new MailsealError('password-wrong', `this task requires ${passwords}, and ${given} were entered`, {
    hint: 'enter the passwords of as many administrators as the task requires',
  })
}
