import { formatMinute, formatTime } from '@mailseal/common'
import { defineCommand, option } from '@mailseal/common/program'
import { identityJson, listText } from '../speech.ts'
import type { AgentStatus } from '../status.ts'
import { shownElsewhere, withAgent } from './with-agent.ts'

export const status = defineCommand({
  name: 'status',
  summary: 'Says how things stand with your certificate and the revocation list.',
  description:
    'Shows your certificate, how long it is valid, where your key file is, and how current the revocation list on this computer ' +
    'is. Asks nobody and needs no password. What needs your attention comes as a warning with what to do.',
  arguments: {},
  options: {
    acknowledge: option.text(
      '--acknowledge FINGERPRINT',
      'hear no more of this certificate for your address, which is not yours',
    ),
  },
  examples: [
    { command: 'mailseal status', description: 'for you to read' },
    { command: 'mailseal status --json', description: 'for a script' },
    {
      command: 'mailseal status --acknowledge 0123456789abcdef0123456789abcdef01234567',
      description: 'your administrator explained the certificate that you were warned of',
    },
  ],
  async run(context) {
    const { acknowledge } = context.options
    const result = await withAgent(context, async (agent) => {
      if (acknowledge !== undefined) await agent.acknowledge(acknowledge)
      const status = await agent.status()
      shownElsewhere(context, status.warnings)
      return status
    })
    return { json: asJson(result), text: asStatusText(result) }
  },
})

function asJson(result: AgentStatus) {
  const { renewFrom, keyFile, server, crl, warnings } = result
  return { ...identityJson(result), renewFrom: formatTime(renewFrom), keyFile, server, crl, warnings }
}

function asStatusText({
  address,
  serial,
  fingerprint,
  validFrom,
  validTo,
  renewFrom,
  keyFile,
  server,
  crl,
  warnings,
}: AgentStatus) {
  return [
    ...warnings.map(({ message }) => `Attention: ${message}`),
    `Address:         ${address}`,
    `Certificate:     serial number ${serial}`,
    `Fingerprint:     ${fingerprint}`,
    `Valid:           ${formatMinute(validFrom)} to ${formatMinute(validTo)}, to be renewed from ${formatMinute(renewFrom)}`,
    `Key file:        ${keyFile}`,
    `KM server:       ${server}`,
    `Revocation list: ${listText(crl)}`,
  ].join('\n')
}
