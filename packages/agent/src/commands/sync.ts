import { defineCommand } from '@mailseal/common/program'
import { sayWarnings, withAgent } from './with-agent.ts'

export const sync = defineCommand({
  name: 'sync',
  summary: 'Fetches what is new from the KM server.',
  description:
    "Brings the revocation list, the organization's certificates and its authority document up to date, so that messages can " +
    'be verified without the KM server. Everything is checked before it replaces what is held. Needs no password.',
  arguments: {},
  options: {},
  exitCodes: {
    102: 'what the server sent is not of your organization',
    103: 'the revocation list is refused',
    107: 'the KM server does not answer',
  },
  examples: [
    { command: 'mailseal sync', description: 'now' },
    { command: 'mailseal sync --json', description: 'for a script' },
    {
      command: '*/15 * * * * mailseal sync --batch --quiet > /dev/null',
      description: 'every quarter of an hour, in a crontab',
    },
  ],
  async run(context) {
    const result = await withAgent(context, (agent) => agent.sync())
    const { crl, certificates, warnings } = result
    await sayWarnings(context, warnings)
    return {
      json: result,
      text: `Revocation list: number ${crl.number}, entries: ${crl.entries}\nCertificates: ${certificates}`,
    }
  },
})
