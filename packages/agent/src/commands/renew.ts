import { formatMinute } from '@mailseal/common'
import { defineCommand } from '@mailseal/common/program'
import type { RenewResult } from '../renew.ts'
import { identityJson } from '../speech.ts'
import { passwordFile, withAgent } from './with-agent.ts'

export const renew = defineCommand({
  name: 'renew',
  summary: 'Renews your certificate for 18 months.',
  description:
    'Your keys stay the same: your organization certifies them anew under a new serial number, from 12 months on after the ' +
    'last time and also for a while after the certificate has expired. Your other computers learn of it by "mailseal sync". If ' +
    'anything fails on the way, run the same command again.',
  arguments: {},
  options: { passwordFile },
  exitCodes: {
    67: 'nobody can be asked for the password',
    100: 'your certificate is revoked',
    101: 'your certificate expired too long ago',
    102: 'what the server sent is not your certificate',
    105: 'the password is wrong',
    107: 'the KM server does not answer',
  },
  examples: [
    { command: 'mailseal renew', description: 'when you were told that your certificate approaches expiration' },
    { command: 'mailseal renew --json --password-file password.txt', description: 'in a script' },
    { command: 'MAILSEAL_HOME=~/second mailseal renew', description: 'of another folder' },
  ],
  async run(context) {
    const { passwordFile: file } = context.options
    const result = await withAgent(context, (agent) => agent.renew(), { passwordFile: file })
    return { json: { ...identityJson(result), renewed: result.renewed }, text: asRenewedText(result) }
  },
})

function asRenewedText({ address, serial, validTo, renewed, renewFrom }: RenewResult): string {
  if (renewed) {
    return `Renewed the certificate of ${address}: serial number ${serial}, valid until ${formatMinute(validTo)}.`
  }
  return `Nothing to renew: the certificate of ${address} is valid until ${formatMinute(validTo)}, and can be renewed from ${formatMinute(renewFrom)} on.`
}
