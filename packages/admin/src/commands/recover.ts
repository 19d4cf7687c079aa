import { argument, defineCommand } from '@mailseal/common/program'
import { taskExitCodes } from './connection.ts'
import { issueOptions, issueTemporaryKeys } from './issue.ts'

export const recover = defineCommand({
  name: 'recover',
  summary: 'Recovers the keys of users who lost their key file or its password.',
  description:
    'A temporary key is issued, as by "enable". Who enrolls with it gets a new key in place of the last one, and all encryption keys of before from the archive, so that old mail stays readable. Until then the certificate stays valid; afterwards it is replaced: signatures made before stay good. On a terminal, the command first names whose key history will come back, and asks. If the old key was stolen, revoke it first.',
  arguments: { addresses: argument.some('ADDRESS', 'the mailboxes') },
  options: issueOptions,
  exitCodes: {
    104: 'the status of a mailbox does not allow it',
    ...taskExitCodes,
    130: 'not confirmed',
  },
  examples: [
    { command: 'mailseal-admin recover alice@example.org', description: 'asks how to hand the temporary key over' },
    {
      command: 'mailseal-admin recover alice@example.org --no-send',
      description: 'shows the temporary key, for you to give it to its user in person',
    },
    {
      command: 'mailseal-admin recover alice@example.org --send --json --credentials-file admin.txt',
      description: 'mails an enrollment message, in a script',
    },
  ],
  run: (context) =>
    issueTemporaryKeys(context, {
      task: 'recover',
      addresses: context.args.addresses,
      issue: (admin) => admin.recover(context.args.addresses),
    }),
})
