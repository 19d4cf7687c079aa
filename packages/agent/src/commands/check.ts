import { argument, defineCommand } from '@mailseal/common/program'
import { recipientsTable } from '../speech.ts'
import { sayWarnings, withAgent } from './with-agent.ts'

export const check = defineCommand({
  name: 'check',
  summary: 'Says to whom you can write in secret, and why not to the others.',
  description:
    'Looks each address up: whether your organization certified a key for it, whether the certificate is valid now, and whether it ' +
    'is on the revocation list. The list is refreshed first if the KM server answers at once, else the one on this computer counts.',
  arguments: { addresses: argument.some('ADDRESS', 'whom you want to write to') },
  options: {},
  exitCodes: {
    41: 'one of these is no address',
    100: 'a certificate is revoked',
    103: 'there is no valid revocation list',
    108: 'an address has no valid certificate',
  },
  examples: [
    { command: 'mailseal check bob@example.org', description: 'one person' },
    { command: 'mailseal check bob@example.org carol@example.org', description: 'several' },
    { command: 'mailseal check bob@example.org --json', description: 'for a script' },
  ],
  run: (context) =>
    withAgent(context, async (agent) => {
      const { recipients, warnings } = await agent.check(context.args.addresses)
      await sayWarnings(context, warnings)
      const shown = recipients.map(({ address, status, serial, reason }) => ({ address, status, serial, reason }))
      return { json: { recipients: shown }, text: recipientsTable(recipients), exitCode: exitCodeFor(recipients) }
    }),
})

function exitCodeFor(recipients: readonly { readonly status: string }[]): number {
  if (recipients.some(({ status }) => status === 'revoked')) return 100
  return recipients.every(({ status }) => status === 'good' || status === 'contact') ? 0 : 108
}
