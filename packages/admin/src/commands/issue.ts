import {
  asMailsealError,
  formatMinute,
  formatTime,
  LIMITS,
  MailsealError,
  systemClock,
  systemRandom,
} from '@mailseal/common'
import { type Ask, type CommandContext, type CommandResult, option, readFileBounded } from '@mailseal/common/program'
import type { Delivery, IssuedKey } from '@mailseal/common/rpc'
import type { Admin, Outcome } from '../admin.ts'
import {
  composeEnrollmentMessage,
  DEFAULT_TEMPLATE,
  type EnrollmentTemplate,
  parseTemplate,
  readIssued,
} from '../enrollment-message/index.ts'
import { connect, connectionOptions } from './connection.ts'
import { confirmHistory, damageLines, describeHistory, type HistoryTask, historyLine } from './history.ts'
import { failureOf, isRefusal, resultOf, type Shown } from './outcomes.ts'

/* What enable, recover and reissue share: a temporary key is issued, and handed over by an enrollment message or by somebody. */

export const issueOptions = {
  ...connectionOptions,
  send: option.toggle(
    '--send',
    'mail the enrollment message with the temporary key to the mailbox; asked for on a terminal, otherwise it is not mailed',
  ),
  message: option.text(
    '--message FILE',
    'the text of the enrollment message, with {{temporaryKey}} where the key is to stand; its first line may be "Subject: ..."',
  ),
}

type IssueContext = Pick<CommandContext<typeof issueOptions, Record<never, never>>, 'options' | 'ask' | 'say' | 'warn'>

/** What became of an enrollment message. */
type Mailing =
  | { readonly delivery: Delivery; readonly holdsTemporaryKey: boolean }
  | { readonly error: MailsealError }
  | null

interface Issue {
  readonly task: HistoryTask
  readonly addresses: readonly string[]
  /** Whether the task is told to return no key history. */
  readonly withoutHistory?: boolean
  issue(admin: Admin): Promise<Outcome<IssuedKey>[]>
}

/** Issues temporary keys and hands them over as wanted, naming whose key history comes back. */
export async function issueTemporaryKeys(context: IssueContext, wanted: Issue): Promise<CommandResult> {
  const template = await readMessageFile(context.options)
  const sends = context.options.send ?? (await askHowToHandOver(context.ask))
  const admin = connect(context)
  if (!wanted.withoutHistory) await confirmHistory(context, admin, wanted)
  const outcomes = await wanted.issue(admin)
  for (const outcome of outcomes) if (!isRefusal(outcome)) await tellHistory(context, outcome)
  const mailings = new Map<IssuedKey, Mailing>()
  for (const outcome of outcomes) {
    if (!isRefusal(outcome)) mailings.set(outcome, sends ? await mail(admin, outcome, template) : null)
  }
  return resultOf(outcomes, (issued) => showIssued(issued, mailings.get(issued) ?? null))
}

async function readMessageFile({ message, send }: IssueContext['options']): Promise<EnrollmentTemplate | undefined> {
  if (message === undefined) return undefined
  if (send === false)
    throw new MailsealError('usage', '--message has no use with --no-send', { hint: 'add --send, or leave it out' })
  const bytes = await readFileBounded(message, LIMITS.enrollmentText)
  return parseTemplate(bytes, `file "${message}"`, DEFAULT_TEMPLATE.subject)
}

/** The original's dialog. Canceling it comes before anything is done. */
async function askHowToHandOver(ask: Ask): Promise<boolean> {
  if (!ask.possible) return false
  return ask.choose({
    message: 'How will the temporary key reach its user?',
    choices: [
      { name: 'Send Enrollment Message', value: true },
      { name: 'Do Not Send E-mail (give it to the user yourself)', value: false },
    ],
  })
}

/** For scripts, which were not asked; and what is damaged, for everybody. */
async function tellHistory({ ask, say, warn }: IssueContext, issued: IssuedKey): Promise<void> {
  if (issued.history !== null && !ask.possible) await say(historyLine(issued, issued.history.keys))
  for (const line of damageLines(issued)) await warn(line)
}

async function mail(admin: Admin, issued: IssuedKey, template: EnrollmentTemplate | undefined): Promise<Mailing> {
  try {
    const now = systemClock.now()
    const { bytes, holdsTemporaryKey } = await composeEnrollmentMessage({
      issued,
      ...(template && { template }),
      now,
      random: systemRandom,
    })
    return { delivery: await admin.sendEnrollmentMessage(issued, bytes), holdsTemporaryKey }
  } catch (thrown) {
    // The key is issued all the same, and has to be shown.
    return { error: asMailsealError(thrown) }
  }
}

function showIssued(issued: IssuedKey, mailing: Mailing): Shown {
  const { address, status, temporaryKey, expires, history } = issued
  const sent = mailing !== null && 'delivery' in mailing
  const error = mailing !== null && 'error' in mailing ? mailing.error : undefined
  return {
    json: {
      address,
      status,
      temporaryKey,
      expires: formatTime(expires),
      ...(history && { history }),
      sent,
      ...(sent && { keyInMessage: mailing.holdsTemporaryKey }),
      ...(error && { sendError: error.toJSON() }),
    },
    text: [
      `${address}: ${status}`,
      `  temporary key:  ${temporaryKey}`,
      `  works until:    ${formatMinute(expires)}`,
      ...(history ? [`  key history:    ${describeHistory(history)}`] : []),
      ...(sent ? describeMailing(mailing) : []),
      ...(sent && mailing.holdsTemporaryKey ? [] : describeHandOver(issued)),
      '',
    ].join('\n'),
    failure: error && failureOf(address, error),
  }
}

function describeMailing({
  delivery,
  holdsTemporaryKey,
}: {
  delivery: Delivery
  holdsTemporaryKey: boolean
}): string[] {
  const what = `The enrollment message${holdsTemporaryKey ? '' : ', without the temporary key,'}`
  return [`  ${what} ${delivery === 'submitted' ? 'was sent.' : "was written to the KM server's outbox."}`]
}

function describeHandOver(issued: IssuedKey): string[] {
  return [
    '  Give the temporary key to its user in person, or by telephone to a voice that you know, but not by e-mail.',
    `  The user then types: mailseal enroll --address ${issued.address} --server ${readIssued(issued).offer.server}`,
  ]
}
