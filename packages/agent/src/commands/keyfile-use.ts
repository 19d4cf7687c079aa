import { LIMITS } from '@mailseal/common'
import { argument, defineCommand, readInput } from '@mailseal/common/program'
import { identityJson } from '../speech.ts'
import { passwordFile, withAgent } from './with-agent.ts'

export const keyfileUse = defineCommand({
  name: 'keyfile use',
  summary: 'Uses a copy of your key file on this computer.',
  description:
    'Everything that this computer needs is in the file: your keys, your certificate, your organization. The KM server is not ' +
    'asked. If there is a key file here already, the two are united and no key is dropped; one of another organization is refused.',
  arguments: { file: argument.one('FILE', 'the copy, which stays as it is, or - for stdin') },
  options: { passwordFile },
  exitCodes: {
    41: 'the file is damaged or no key file',
    67: 'nobody can be asked for the password',
    102: 'the file is of another organization than the one here',
    105: 'the password is wrong',
  },
  examples: [
    { command: 'mailseal keyfile use /media/usb/alice.keyfile', description: 'from a stick' },
    { command: 'mailseal keyfile use alice.keyfile --json --password-file password.txt', description: 'in a script' },
    { command: 'MAILSEAL_HOME=~/second mailseal keyfile use alice.keyfile', description: 'for another folder' },
  ],
  async run(context) {
    const { args, options } = context
    const copy = args.file === '-' ? await readInput(context.io, '-', LIMITS.keyFile) : args.file
    const result = await withAgent(context, (agent) => agent.keyFile.use(copy), {
      passwordFile: options.passwordFile,
    })
    const { keyFile, server, keys, keptAside, address, serial } = result
    for (const aside of keptAside) await context.say(`the key file that was here is damaged; kept as "${aside}"`)
    return {
      json: { ...identityJson(result), keyFile, server, keys, keptAside },
      text: `This computer signs for ${address} now: serial number ${serial}.\nFetch the revocation list with "mailseal sync".`,
    }
  },
})
