import { argument, defineCommand, option } from '@mailseal/common/program'
import { connect, connectionOptions, taskExitCodes } from './connection.ts'
import { mailboxJson } from './mailbox-view.ts'

export const mailboxesAdd = defineCommand({
  name: 'mailboxes add',
  summary: 'Adds a mailbox, so that security can be enabled for it.',
  description:
    'A mailbox is the entry of a person or a function: an address in one of the organization\'s domains and a display name. Both will stand in its certificates. Its status is Undefined until "mailseal-admin enable".',
  arguments: { address: argument.one('ADDRESS', 'its e-mail address') },
  options: {
    ...connectionOptions,
    name: option.text('--name NAME', 'its display name, as people see it', { default: '' }),
  },
  exitCodes: { 41: 'the address or the name can not be used', ...taskExitCodes },
  examples: [
    { command: 'mailseal-admin mailboxes add alice@example.org --name "Alice Example"', description: 'a person' },
    { command: 'mailseal-admin mailboxes add office@example.org', description: 'a function, without a name' },
    {
      command: 'mailseal-admin mailboxes add bob@example.org --json --credentials-file admin.txt',
      description: 'in a script',
    },
  ],
  async run(context) {
    const { address } = context.args
    const mailbox = await connect(context).mailboxes.add({ address, name: context.options.name })
    return { json: mailboxJson(mailbox), text: addedText(mailbox.address) }
  },
})

function addedText(address: string): string {
  return `Added ${address}. To enable security for it:\n  mailseal-admin enable ${address}`
}
