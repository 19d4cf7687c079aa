import { formatMinute, formatTime } from '@mailseal/common'
import { defineCommand } from '@mailseal/common/program'
import { connect, openConnectionOptions } from './connection.ts'
import { fields } from './table.ts'

export const authorityShow = defineCommand({
  name: 'authority show',
  summary: 'Shows who the organization is, with the fingerprint of its root.',
  description:
    'The authority document names the organization, its domains and its CAs, and is signed by the root, which every agent pins at enrollment. The root\'s fingerprint is what "mailseal enroll --root" takes, and what users compare. No password is needed.',
  arguments: {},
  options: openConnectionOptions,
  exitCodes: { 102: 'the authority document is not signed by its root', 107: 'KM server unreachable' },
  examples: [
    { command: 'mailseal-admin authority show', description: 'on the machine of the KM server' },
    { command: 'mailseal-admin authority show --json', description: 'for a script' },
    { command: 'mailseal-admin authority show --server https://mailseal.example.org', description: 'as others see it' },
  ],
  async run(context) {
    const { organization, domains, version, issued, rootFingerprint, generation, authorities } =
      await connect(context).authority()
    const cas = authorities.map(({ fingerprint, state }) => ({ fingerprint, state }))
    return {
      json: {
        organization,
        domains,
        version,
        issued: formatTime(issued),
        rootFingerprint,
        generation,
        authorities: cas,
      },
      text: fields([
        ['Organization', organization],
        ['Domains', domains.join(', ')],
        ['Root', rootFingerprint],
        ...cas.map(({ fingerprint, state }) => ['CA', `${fingerprint} (${state})`] as const),
        ['Version', `${version}, issued ${formatMinute(issued)}`],
      ]),
    }
  },
})
