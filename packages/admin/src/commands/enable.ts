import { argument, defineCommand } from '@mailseal/common/program'
import { taskExitCodes } from './connection.ts'
import { issueOptions, issueTemporaryKeys } from './issue.ts'

export const enable = defineCommand({
  name: 'enable',
  summary: 'Enables advanced security for mailboxes and issues their temporary keys.',
  description:
    'The temporary key lets its holder enroll the mailbox, once. It is shown here and nowhere else. With --send it goes to the mailbox in an enrollment message, with the file that "mailseal enroll" reads; otherwise give it to the user yourself, after checking who it is. Each mailbox is enabled or refused by itself.',
  arguments: { addresses: argument.some('ADDRESS', 'the mailboxes') },
  options: issueOptions,
  exitCodes: { 104: 'the status of a mailbox does not allow it', ...taskExitCodes },
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
  run: (context) => issueTemporaryKeys(context, (admin) => admin.enable(context.args.addresses)),
})
