import { asAddress, MailsealError } from '@mailseal/common'
import { argument, defineCommand, option } from '@mailseal/common/program'
import type { MailboxChanged } from '../admin.ts'
import { confirm, confirmOption } from './confirm.ts'
import { connect, connectionOptions, taskExitCodes } from './connection.ts'
import { mailboxJson, mailboxTitle } from './mailbox-view.ts'

export const mailboxesChange = defineCommand({
  name: 'mailboxes change',
  summary: 'Changes the name or the address of a mailbox.',
  description:
    'A new name changes no certificate: it stands in those of the next enrollment. A new address ends the certificates of the old one, with the reason "replaced", so that signatures made before stay good; a temporary key that waits is void. Enable the mailbox again then: its user gets a certificate for the new address, and the key history, by which old mail stays readable.',
  arguments: { address: argument.one('ADDRESS', 'its e-mail address now') },
  options: {
    ...connectionOptions,
    name: option.text('--name NAME', 'its new display name; "" for none'),
    address: option.text('--address NEW', 'its new e-mail address'),
    yes: confirmOption,
  },
  exitCodes: { 41: 'the address or the name can not be used', ...taskExitCodes, 130: 'not confirmed' },
  examples: [
    {
      command: 'mailseal-admin mailboxes change alice@example.org --name "Alice Newname"',
      description: 'a new name',
    },
    {
      command: 'mailseal-admin mailboxes change alice@example.org --address alice.newname@example.org',
      description: 'a new address; asks before it ends certificates',
    },
    {
      command:
        'mailseal-admin mailboxes change office@example.org --address desk@example.org --name Desk --json --credentials-file admin.txt',
      description: 'both, in a script',
    },
  ],
  async run(context) {
    const { address } = context.args
    const change = readChange(context.options)
    if (change.newAddress !== undefined && !context.options.yes) {
      await confirm(context.ask, `Change ${address} to ${change.newAddress}? Certificates of the old address end.`)
    }
    const changed = await connect(context).mailboxes.change(address, change)
    return {
      json: { ...mailboxJson(changed.mailbox), serials: changed.serials },
      text: [`Changed to ${mailboxTitle(changed.mailbox)}.`, ...nextSteps(changed, address), ''].join('\n'),
    }
  },
})

function readChange(options: { readonly name: string | undefined; readonly address: string | undefined }) {
  const { name, address } = options
  if (name === undefined && address === undefined) {
    throw new MailsealError('usage', 'nothing to change was given', { hint: 'add --name NAME, --address NEW or both' })
  }
  return { ...(name !== undefined && { name }), ...(address !== undefined && { newAddress: address }) }
}

/** What the change means for keys that exist, and what to type next. */
function nextSteps({ mailbox, serials }: MailboxChanged, typed: string): string[] {
  const { address, temporaryKey, certificate } = mailbox
  if (address !== asAddress(typed)) {
    const ended = serials.length === 0 ? [] : [`Serial number ${serials.join(', ')} ended with the old address.`]
    return [...ended, 'For a certificate with the new address:', `  mailseal-admin enable ${address}`]
  }
  if (temporaryKey !== null) {
    return ['The temporary key that waits keeps the old name. For the new one:', `  mailseal-admin reissue ${address}`]
  }
  return certificate === null ? [] : ['The certificate keeps the old name until the next enrollment.']
}
