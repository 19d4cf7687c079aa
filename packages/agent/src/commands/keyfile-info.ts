import { formatMinute, formatTime } from '@mailseal/common'
import { defineCommand } from '@mailseal/common/program'
import type { KeyFileInfo } from '../key-file/info.ts'
import { passwordFile, withAgent } from './with-agent.ts'

export const keyfileInfo = defineCommand({
  name: 'keyfile info',
  summary: 'Says what your key file holds.',
  description:
    'Opens your key file with its password and lists its keys, the current one first: whose it is, of which organization, and ' +
    'under which serial number each key was certified. Old keys stay in it, so that old mail stays readable.',
  arguments: {},
  options: { passwordFile },
  exitCodes: { 67: 'nobody can be asked for the password', 105: 'the password is wrong' },
  examples: [
    { command: 'mailseal keyfile info', description: 'for you to read' },
    { command: 'mailseal keyfile info --json --password-file password.txt', description: 'for a script' },
    { command: 'MAILSEAL_HOME=/media/usb/mailseal mailseal keyfile info', description: 'of another folder' },
  ],
  async run(context) {
    const { passwordFile: file } = context.options
    const info = await withAgent(context, (agent) => agent.keyFile.info(), { passwordFile: file })
    return { json: asJson(info), text: asInfoText(info) }
  },
})

function asJson({ keys, ...info }: KeyFileInfo) {
  return { ...info, keys: keys.map((key) => ({ ...key, created: formatTime(key.created) })) }
}

function asInfoText({ keyFile, address, organization, root, server, keys, recoveredKeys }: KeyFileInfo): string {
  return [
    `Key file:     ${keyFile}`,
    `Address:      ${address}`,
    `Organization: ${organization}, root ${root}`,
    `KM server:    ${server}`,
    ...keys.map(({ fingerprint, serial, created }, i) => {
      const label = i === 0 ? 'Current key: ' : 'Old key:     '
      return `${label} ${fingerprint}, serial number ${serial}, made ${formatMinute(created)}`
    }),
    ...(recoveredKeys === 0 ? [] : [`Recovered:    ${recoveredKeys} encryption keys`]),
  ].join('\n')
}
