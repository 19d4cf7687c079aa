import { argument, defineCommand } from '@mailseal/common/program'
import { connect, connectionOptions, taskExitCodes } from './connection.ts'
import { resultOf } from './outcomes.ts'

export const cancel = defineCommand({
  name: 'cancel',
  summary: 'Takes back temporary keys that were not used yet.',
  description:
    'The temporary key ends at once; who tries it is told that it was canceled. The mailbox gets back the status it had before, and can be enabled again at any time.',
  arguments: { addresses: argument.some('ADDRESS', 'the mailboxes') },
  options: connectionOptions,
  exitCodes: { 104: 'the status of a mailbox does not allow it', ...taskExitCodes },
  examples: [
    { command: 'mailseal-admin cancel alice@example.org', description: 'one mailbox' },
    { command: 'mailseal-admin cancel alice@example.org bob@example.org', description: 'several' },
    {
      command: 'mailseal-admin cancel alice@example.org --json --credentials-file admin.txt',
      description: 'in a script',
    },
  ],
  async run(context) {
    const outcomes = await connect(context).cancel(context.args.addresses)
    return resultOf(outcomes, ({ address, status }) => ({
      json: { address, status },
      text: `${address}: ${status}; the temporary key is void\n`,
    }))
  },
})
