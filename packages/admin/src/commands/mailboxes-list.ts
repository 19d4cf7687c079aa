import { defineCommand } from '@mailseal/common/program'
import type { MailboxView } from '@mailseal/common/rpc'
import { connect, connectionOptions, taskExitCodes } from './connection.ts'
import { mailboxJson } from './mailbox-view.ts'
import { table } from './table.ts'

export const mailboxesList = defineCommand({
  name: 'mailboxes list',
  summary: 'Lists all mailboxes with their names.',
  description:
    'Every mailbox that the KM server knows, in the order of addresses. What their certificates and temporary keys are doing is shown by "mailseal-admin status".',
  arguments: {},
  options: connectionOptions,
  exitCodes: taskExitCodes,
  examples: [
    { command: 'mailseal-admin mailboxes list', description: 'a table' },
    { command: 'mailseal-admin mailboxes list --json', description: 'one object with all details' },
    {
      command: 'mailseal-admin mailboxes list --server https://mailseal.example.org',
      description: 'at a KM server elsewhere',
    },
  ],
  async run(context) {
    const mailboxes: MailboxView[] = []
    for await (const page of connect(context).mailboxes.list()) mailboxes.push(...page)
    if (mailboxes.length === 0)
      await context.say('there are no mailboxes yet; add one with "mailseal-admin mailboxes add"')
    const rows = mailboxes.map(({ address, name, status }) => [address, name, status])
    return {
      json: { mailboxes: mailboxes.map(mailboxJson) },
      text: rows.length === 0 ? '' : table(['ADDRESS', 'NAME', 'STATUS'], rows),
    }
  },
})
