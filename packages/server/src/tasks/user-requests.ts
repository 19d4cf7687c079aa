import type { SignedRequest } from '@mailseal/common/signed-request'
import { record } from '../journal.ts'
import { isRefusal } from './call.ts'
import type { TaskContext } from './context.ts'
import { type RenewAnswer, renew } from './renew.ts'
import { type ReportAnswer, takeReport } from './report.ts'
import { type RevokeAnswer, revokeOwn } from './revoke-own.ts'
import { type VerifiedRequest, verifyRequest } from './verified-request.ts'

/** What an agent hears back, as written. */
export type UserRequestAnswer = ReportAnswer | RenewAnswer | RevokeAnswer

/**
 * Does what a user asks for with the user's own key. Renewals and revocations are journaled, done or refused, once it is
 * certain whose they are; reports are not.
 *
 * @param signed - Attacker-controlled.
 * @throws {@link MailsealError} `untrusted` if it is nobody's, or what refuses it.
 */
export async function takeUserRequest(context: TaskContext, signed: SignedRequest): Promise<UserRequestAnswer> {
  const user = await verifyRequest(context, signed)
  try {
    return await answer(context, user)
  } catch (thrown) {
    // What is not of now may have been sent by anybody who saw it once: it must not fill the journal.
    if (isRefusal(thrown) && thrown.code !== 'clock-wrong' && user.request.purpose !== 'report') {
      await recordRefusal(context, user, thrown.code)
    }
    throw thrown
  }
}

/** Each purpose has a file of its own; adding one is adding a file and a line here. */
function answer(context: TaskContext, { request, ...user }: VerifiedRequest): Promise<UserRequestAnswer> {
  switch (request.purpose) {
    case 'report':
      return takeReport(context, { ...user, request })
    case 'renew':
      return renew(context, { ...user, request })
    case 'revoke':
      return revokeOwn(context, { ...user, request })
  }
}

async function recordRefusal(context: TaskContext, user: VerifiedRequest, result: string): Promise<void> {
  const { store, clock, random } = context
  const { request, certificate } = user
  await store.transaction(async (tx) => {
    const mailbox = await tx.mailbox(certificate.mailboxId)
    const entry = { time: clock.now(), task: request.purpose, administrators: [], subject: mailbox?.address ?? '' }
    await record(tx, random, { ...entry, result, requestId: request.id })
  })
}
