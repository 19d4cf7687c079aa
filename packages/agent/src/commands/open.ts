import { LIMITS } from '@mailseal/common'
import { argument, defineCommand, option, readInput, writeSecretFileExclusive } from '@mailseal/common/program'
import { messageText, verificationJson, verificationText } from '../speech.ts'
import { passwordFile, sayWarnings, withAgent } from './with-agent.ts'

export const open = defineCommand({
  name: 'open',
  summary: 'Decrypts a message and checks who signed it.',
  description:
    'Opens a PGP/MIME encrypted message with any key of your key file, old ones included, verifies the signature inside and says ' +
    'to whom it is encrypted. The verdict comes first, the message behind it. Messages that are not encrypted are verified and ' +
    'shown. Without the KM server the revocation list on this computer counts.',
  arguments: { file: argument.optional('FILE', 'the message; - or nothing for stdin') },
  options: {
    output: option.text(
      '--output FILE',
      'write the decrypted message into this new file, and only the verdict to stdout',
    ),
    passwordFile,
  },
  exitCodes: {
    3: 'there is no valid signature on a message that is not encrypted, or a bad one',
    29: 'the message cannot be decrypted',
    41: 'the message cannot be read',
    67: 'nobody can be asked for the password',
    100: 'the certificate of the signer, or of the sender of an unsigned message, is revoked',
    101: 'the certificate was not valid when the message was signed, or the signature itself has expired',
    102: 'the signature is not by a certificate of the sender',
    103: 'there is no valid revocation list',
    105: 'the password is wrong',
  },
  examples: [
    { command: 'mailseal open letter.eml', description: 'a message in a file' },
    { command: 'mailseal open letter.eml --output plain.eml', description: 'with its attachments, for a mail program' },
    {
      command: 'mailseal open - --json --password-file password.txt < letter.eml',
      description: 'in a pipe, for a script',
    },
  ],
  async run(context) {
    const { io, args, options } = context
    const message = await readInput(io, args.file ?? '-', LIMITS.message)
    const opened = await withAgent(context, (agent) => agent.open(message), { passwordFile: options.passwordFile })
    await sayWarnings(context, opened.warnings)
    const verdict = verificationText(opened)
    const result = { json: verificationJson(opened), exitCode: opened.exitCode }
    if (options.output === undefined) return { ...result, text: verdict + messageText(opened.text) }
    if (options.output === '-') {
      await context.say(verdict)
      return { ...result, bytes: opened.message }
    }
    await writeSecretFileExclusive(options.output, opened.message)
    return { ...result, text: verdict }
  },
})
