import { argument, defineCommand, option } from '@mailseal/common/program'
import { taskExitCodes } from './connection.ts'
import { issueOptions, issueTemporaryKeys } from './issue.ts'

export const enable = defineCommand({
  name: 'enable',
  summary: 'Enables advanced security for mailboxes and issues their temporary keys.',
  description:
    'The temporary key lets its holder enroll the mailbox, once. It is shown here and nowhere else. With --send it goes to the mailbox in an enrollment message, with the file that "mailseal enroll" reads; otherwise give it to the user yourself, after checking who it is. A mailbox that was revoked gets its key history back, by which old mail stays readable: on a terminal the command first names whose, and asks. Each mailbox is enabled or refused by itself.',
  arguments: { addresses: argument.some('ADDRESS', 'the mailboxes') },
  options: {
    ...issueOptions,
    withoutHistory: option.flag('--without-history', 'return no old encryption keys to mailboxes that were revoked'),
  },
  exitCodes: { 104: 'the status of a mailbox does not allow it', ...taskExitCodes, 130: 'not confirmed' },
  examples: [
    { command: 'mailseal-admin enable alice@example.org', description: 'asks how to hand the key over' },
    {
      command: 'mailseal-admin enable alice@example.org bob@example.org --send',
      description: 'two mailboxes, each gets its enrollment message',
    },
    {
      command: 'mailseal-admin enable bob@example.org --send --message welcome.txt --json --credentials-file admin.txt',
      description: 'with a text of your own, in a script',
    },
  ],
  run(context) {
    const { addresses } = context.args
    const { withoutHistory } = context.options
    return issueTemporaryKeys(context, {
      task: 'enable',
      addresses,
      withoutHistory,
      issue: (admin) => admin.enable(addresses, { withoutHistory }),
    })
  },
})
