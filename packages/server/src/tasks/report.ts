import type { UserRequestFor } from '@mailseal/common/signed-request'
import type { TaskContext } from './context.ts'
import { answerOnce, type VerifiedRequest } from './verified-request.ts'

/** What an agent hears back. */
export interface ReportAnswer {
  /** Number of the current revocation list. */
  readonly crlNumber: number
}

/** Takes an agent's report of its state, also of one whose certificate has expired. Reports are no task of anybody. */
export function takeReport(
  context: TaskContext,
  user: VerifiedRequest<UserRequestFor<'report'>>,
): Promise<ReportAnswer> {
  return answerOnce(context, user, {
    prepare: async () => undefined,
    async work(tx, { mailbox }, now) {
      const { crlNumber, agent: version } = user.request.body
      await tx.putReport(mailbox.id, { time: now, crlNumber, version })
      return { answer: { crlNumber: context.lists.current.number }, isJournaled: false }
    },
  })
}
