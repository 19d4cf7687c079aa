import { argument, defineCommand } from '@mailseal/common/program'
import type { Removed } from '../admin.ts'
import { confirm, confirmOption } from './confirm.ts'
import { connect, connectionOptions, taskExitCodes } from './connection.ts'
import { listedText, resultOf, type Shown } from './outcomes.ts'

export const mailboxesRemove = defineCommand({
  name: 'mailboxes remove',
  summary: 'Removes mailboxes, which ends their security for ever.',
  description:
    'For people who left: all certificates of the mailbox are revoked with the reason "left", a temporary key that waits is void, and its key history never comes back to anybody by a task. The address is free afterwards; a mailbox that is added with it is another one, without history. To end the security of a mailbox that stays, use "mailseal-admin revoke".',
  arguments: { addresses: argument.some('ADDRESS', 'the mailboxes') },
  options: { ...connectionOptions, yes: confirmOption },
  exitCodes: { ...taskExitCodes, 130: 'not confirmed' },
  examples: [
    { command: 'mailseal-admin mailboxes remove alice@example.org', description: 'asks before it does so' },
    {
      command: 'mailseal-admin mailboxes remove alice@example.org bob@example.org --yes',
      description: 'two mailboxes, without a question',
    },
    {
      command: 'mailseal-admin mailboxes remove alice@example.org --json --credentials-file admin.txt',
      description: 'in a script',
    },
  ],
  async run(context) {
    const { addresses } = context.args
    if (!context.options.yes) await confirm(context.ask, questionOf(addresses))
    return resultOf(await connect(context).mailboxes.remove(addresses), showRemoved)
  },
})

function questionOf(addresses: readonly string[]): string {
  return [
    `Remove ${addresses.join(', ')}? Certificates are revoked, temporary keys void, and old keys never come back:`,
    "the next mailbox of the same address has no history. This can't be undone.",
  ].join(' ')
}

function showRemoved({ address, serials, crlNumber }: Removed): Shown {
  const what = serials.length === 0 ? 'it had no certificate' : listedText({ serials, crlNumber })
  return { json: { address, serials, crlNumber }, text: `${address}: removed; ${what}\n` }
}
