import { argument, defineCommand } from '@mailseal/common/program'
import { taskExitCodes } from './connection.ts'
import { issueOptions, issueTemporaryKeys } from './issue.ts'

export const reissue = defineCommand({
  name: 'reissue',
  summary: 'Issues new temporary keys to mailboxes that have not used theirs.',
  description:
    'For a temporary key that was lost, seen by somebody else, or has expired. The last one ends at once; who tries it is told that it was replaced. During a key recovery the new one returns the key history as well: on a terminal the command first names whose, and asks. The new one is shown here and nowhere else.',
  arguments: { addresses: argument.some('ADDRESS', 'the mailboxes') },
  options: issueOptions,
  exitCodes: { 104: 'the status of a mailbox does not allow it', ...taskExitCodes, 130: 'not confirmed' },
  examples: [
    { command: 'mailseal-admin reissue alice@example.org', description: 'asks how to hand the key over' },
    { command: 'mailseal-admin reissue alice@example.org --send', description: 'mails a new enrollment message' },
    {
      command: 'mailseal-admin reissue alice@example.org --no-send --json --credentials-file admin.txt',
      description: 'in a script that hands the key over by itself',
    },
  ],
  run: (context) =>
    issueTemporaryKeys(context, {
      task: 'reissue',
      addresses: context.args.addresses,
      issue: (admin) => admin.reissue(context.args.addresses),
    }),
})
