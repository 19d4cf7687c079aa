import { argument, defineCommand, option } from '@mailseal/common/program'
import { REVOKE_REASONS } from '@mailseal/common/rpc'
import type { Revoked } from '../admin.ts'
import { confirm, confirmOption } from './confirm.ts'
import { connect, connectionOptions, taskExitCodes } from './connection.ts'
import { listedText, resultOf } from './outcomes.ts'

export const revoke = defineCommand({
  name: 'revoke',
  summary: 'Revokes advanced security for mailboxes, for ever.',
  description:
    'The serial numbers of all certificates of the mailbox are added to the revocation list, and the command ends when that list is out. From then on all signatures by these keys, old ones too, are shown as revoked, and nobody encrypts to them. A temporary key that waits is void. The mailbox can be enabled again, with new certificates.',
  arguments: { addresses: argument.some('ADDRESS', 'the mailboxes') },
  options: {
    ...connectionOptions,
    reason: option.choice('--reason REASON', 'why; everybody can read it', REVOKE_REASONS, { default: 'unspecified' }),
    yes: confirmOption,
  },
  exitCodes: { 104: 'the status of a mailbox does not allow it', ...taskExitCodes, 130: 'not confirmed' },
  examples: [
    { command: 'mailseal-admin revoke alice@example.org', description: 'asks before it does so' },
    {
      command: 'mailseal-admin revoke alice@example.org --reason left --yes',
      description: 'somebody left the organization',
    },
    {
      command: 'mailseal-admin revoke alice@example.org --reason compromised --json --credentials-file admin.txt',
      description: 'a stolen key file, in a script',
    },
  ],
  async run(context) {
    const { addresses } = context.args
    const { reason, yes } = context.options
    const question = `Revoke ${addresses.join(', ')} (reason: ${reason})? This can't be undone.`
    if (!yes) await confirm(context.ask, question)
    return resultOf(await connect(context).revoke(addresses, { reason }), showRevoked)
  },
})

function showRevoked({ address, status, serials, crlNumber }: Revoked): { json: object; text: string } {
  const what = serials.length === 0 ? 'the temporary key is void' : listedText({ serials, crlNumber })
  return { json: { address, status, serials, crlNumber }, text: `${address}: ${status}; ${what}\n` }
}
