import { argument, defineCommand, option } from '@mailseal/common/program'
import type { MailboxView, Status } from '@mailseal/common/rpc'
import type { MailboxFilter } from '../admin.ts'
import { connect, connectionOptions, taskExitCodes } from './connection.ts'
import { asDuration } from './duration.ts'
import { mailboxJson, statusDetails, statusTable } from './mailbox-view.ts'

const STATUS_OPTIONS = ['undefined', 'new', 'active', 'disabled', 'key-recovery'] as const
const STATUS_OF: Readonly<Record<(typeof STATUS_OPTIONS)[number], Status>> = {
  undefined: 'Undefined',
  new: 'New',
  active: 'Active',
  disabled: 'Disabled',
  'key-recovery': 'Key recovery in progress',
}

export const status = defineCommand({
  name: 'status',
  summary: 'Shows the status of mailboxes, their certificates and temporary keys.',
  description:
    "Undefined: security has not been set up. New: a temporary key was issued and not used yet. Active: enrolled. Disabled: revoked. Key recovery in progress: a new temporary key was issued to a mailbox that had keys before. Beside it stand the certificate, the temporary key that waits, and when the user's agent last reported and which revocation list it had. For one address all details are shown.",
  arguments: { addresses: argument.any('ADDRESS', 'these mailboxes only; all of them if none is given') },
  options: {
    ...connectionOptions,
    status: option.choice('--status STATUS', 'only those with this status', STATUS_OPTIONS),
    expiring: option.text('--expiring SPAN', 'only those whose certificate ends within this time, such as 60d'),
    silent: option.text('--silent SPAN', 'only Active ones whose agent sent no report for this time, such as 14d'),
  },
  exitCodes: taskExitCodes,
  examples: [
    { command: 'mailseal-admin status', description: 'everybody' },
    { command: 'mailseal-admin status alice@example.org', description: 'all about one mailbox' },
    {
      command: 'mailseal-admin status --expiring 60d --json',
      description: 'whose certificates end soon, for a script',
    },
  ],
  async run(context) {
    const { addresses } = context.args
    const filter = readFilter(context.options)
    const found: MailboxView[] = []
    const pages = connect(context).mailboxes.list(
      addresses.length === 0 ? filter : { ...filter, addresses: [...addresses] },
    )
    for await (const page of pages) found.push(...page)
    return {
      json: { mailboxes: found.map(mailboxJson) },
      text: textOf(found, addresses.length === 1),
    }
  },
})

function readFilter(options: {
  readonly status: (typeof STATUS_OPTIONS)[number] | undefined
  readonly expiring: string | undefined
  readonly silent: string | undefined
}): MailboxFilter {
  return {
    ...(options.status && { status: STATUS_OF[options.status] }),
    ...(options.expiring !== undefined && { expiringWithin: asDuration(options.expiring, '--expiring') }),
    ...(options.silent !== undefined && { silentFor: asDuration(options.silent, '--silent') }),
  }
}

function textOf(found: readonly MailboxView[], wantsDetails: boolean): string {
  const [first] = found
  if (first === undefined) return ''
  return wantsDetails ? statusDetails(first) : statusTable(found)
}
