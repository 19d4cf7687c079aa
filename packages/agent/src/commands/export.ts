import { defineCommand, option } from '@mailseal/common/program'
import { EXPORT_FORMATS } from '../export.ts'
import { passwordFile, withAgent } from './with-agent.ts'

export const exportKeys = defineCommand({
  name: 'export',
  summary: 'Prints your certificate or your secret keys for other OpenPGP programs.',
  description:
    "Without options it prints your certificate and that of your organization's CA, which everybody may have. With --secret it prints " +
    "every secret key of your key file, each protected with the key file's password, so that GnuPG, Sequoia, RNP and others can import " +
    'them: old encryption keys become subkeys of your current key and still open the mail of their time.',
  arguments: {},
  options: {
    secret: option.flag('--secret', "the secret keys, protected with the key file's password"),
    format: option.choice(
      '--format FORMAT',
      "openpgp: the keys alone; gnupg: with the CA's certificate, for one gpg --import",
      EXPORT_FORMATS,
      { default: 'openpgp' },
    ),
    passwordFile,
  },
  exitCodes: { 67: 'nobody can be asked for the password', 105: 'the password is wrong' },
  examples: [
    { command: 'mailseal export > alice.asc', description: 'your certificate, to give away' },
    { command: 'mailseal export --secret --format gnupg | gpg --import', description: 'your keys for GnuPG' },
    { command: 'mailseal export --secret > keys.asc', description: 'your keys for another OpenPGP program' },
  ],
  async run(context) {
    const { secret, format, passwordFile: file } = context.options
    const armored = await withAgent(context, (agent) => agent.exportKeys({ secret, format }), { passwordFile: file })
    return { json: { secret, format, armored }, text: armored }
  },
})
