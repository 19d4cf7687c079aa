import { asText, LIMITS } from '@mailseal/common'
import { argument, defineCommand, readInput } from '@mailseal/common/program'
import { passwordFile, withAgent } from './with-agent.ts'

export const sign = defineCommand({
  name: 'sign',
  summary: 'Signs a message.',
  description:
    'Takes a mail message (RFC 5322) and writes it signed as PGP/MIME, so that every OpenPGP mail program can verify it. The ' +
    'message must be from your own address. Neither the KM server nor a revocation list is needed.',
  arguments: { file: argument.optional('FILE', 'the message; - or nothing for stdin') },
  options: { passwordFile },
  exitCodes: {
    41: 'the message is not formed as it has to be',
    67: 'nobody can be asked for the password',
    100: 'your certificate is revoked',
    101: 'your certificate is expired',
    102: 'the message is from another address',
    105: 'the password is wrong',
  },
  examples: [
    { command: 'mailseal sign letter.eml > signed.eml', description: 'a message in a file' },
    { command: 'mailseal sign - < letter.eml | sendmail -t', description: 'in a pipe' },
    {
      command: 'mailseal sign letter.eml --json --password-file password.txt',
      description: 'in a script, as {"message"}',
    },
  ],
  async run(context) {
    const { io, args, options } = context
    const message = await readInput(io, args.file ?? '-', LIMITS.message)
    const signed = await withAgent(context, (agent) => agent.sign(message), { passwordFile: options.passwordFile })
    return { json: { message: asText(signed, 'the message') }, bytes: signed }
  },
})
