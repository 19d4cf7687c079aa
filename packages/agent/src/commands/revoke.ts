import { MailsealError } from '@mailseal/common'
import { defineCommand, type Frame, option } from '@mailseal/common/program'
import { REVOKE_REASONS } from '@mailseal/common/rpc'
import type { RevokeResult } from '../revoke.ts'
import { passwordFile, sayWarnings, withAgent } from './with-agent.ts'

export const revoke = defineCommand({
  name: 'revoke',
  summary: 'Revokes your certificate, now and for good.',
  description:
    'For the day on which a computer with your key file is stolen, or you do not trust your keys any more. Everybody who checks a ' +
    'message signed with them, old or new, is told that it was secured with a revoked security certificate, and nobody ' +
    'encrypts to you until you have enrolled again, for which your administrator has to enable your mailbox. Mail that you have ' +
    'still opens. It cannot be undone.',
  arguments: {},
  options: {
    reason: option.choice('--reason REASON', 'why: others are shown it', REVOKE_REASONS, { default: 'unspecified' }),
    yes: option.flag('--yes', 'do not ask whether to revoke'),
    passwordFile,
  },
  exitCodes: {
    67: 'nobody can be asked for the password',
    100: 'the certificate was replaced by a newer one, which is not on this computer',
    105: 'the password is wrong',
    107: 'the KM server does not answer',
    130: 'not confirmed',
  },
  examples: [
    { command: 'mailseal revoke', description: 'asks before it does it' },
    { command: 'mailseal revoke --reason compromised', description: 'somebody else may have your keys' },
    { command: 'mailseal revoke --yes --json --password-file password.txt', description: 'in a script' },
  ],
  async run(context) {
    const { reason, yes, passwordFile: file } = context.options
    const result = await withAgent(
      context,
      async (agent) => {
        const { address } = await agent.status()
        if (!yes) await confirm(context, address)
        return agent.revoke({ reason })
      },
      { passwordFile: file },
    )
    await sayWarnings(context, result.warnings)
    return { json: result, text: asRevokedText(result) }
  },
})

/** A script has to say that it means it. */
async function confirm({ ask }: Frame, address: string): Promise<void> {
  const message =
    `Revoke the certificate of ${address}? All messages that you ever signed will be shown as revoked, nobody encrypts to you until your ` +
    "administrator enables your mailbox again, and it can't be undone."
  if (await ask.confirm({ message, instead: 'give --yes to revoke without being asked' })) return
  throw new MailsealError('canceled', 'not confirmed; nothing was done')
}

function asRevokedText({ address, serials, crlNumber, already }: RevokeResult): string {
  const which = `the certificate of ${address}: serial number ${serials.join(', ')}`
  return [
    already ? `Revoked before: ${which}.` : `Revoked ${which}.`,
    ...(crlNumber === null ? [] : [`It is on revocation list ${crlNumber}, which is out.`]),
    'Your administrator can enable your mailbox again; then enroll with the new temporary key.',
  ].join('\n')
}
