import { unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { asText, LIMITS, MailsealError } from '@mailseal/common'
import { parseMime } from '@mailseal/common/mime'
import {
  argument,
  type CommandResult,
  defineCommand,
  ensurePrivateFolder,
  type Frame,
  option,
  readInput,
  writeSecretFileExclusive,
} from '@mailseal/common/program'
import { addresseesOf } from '../mail/addressees.ts'
import type { EncryptOptions, EncryptResult } from '../mail/encrypt.ts'
import { reasonText } from '../mail/recipients.ts'
import { passwordFile, sayWarnings, withAgent } from './with-agent.ts'

export const encrypt = defineCommand({
  name: 'encrypt',
  summary: 'Signs and encrypts a message to all its recipients.',
  description:
    'Takes a mail message (RFC 5322) and writes it as PGP/MIME, encrypted to everybody in To and Cc and to yourself, the subject ' +
    'included. Each recipient of Bcc gets a message of their own, of which the others learn nothing. Every certificate is checked ' +
    'first; where one is missing, revoked or expired, nothing is written unless you say what to do.',
  arguments: { file: argument.optional('FILE', 'the message; - or nothing for stdin') },
  options: {
    noSign: option.flag('--no-sign', 'encrypt only'),
    withoutUnsecured: option.flag('--without-unsecured', 'leave recipients out to whom nothing can be encrypted'),
    inClear: option.flag('--in-clear', 'if there are such recipients, sign only: everybody can read it'),
    output: option.text('--output DIR', 'write message.eml, bcc-1.eml and so on into this folder'),
    passwordFile,
  },
  exitCodes: {
    17: 'a certificate cannot be encrypted to',
    41: 'the message is not formed as it has to be',
    67: 'nobody can be asked for the password',
    100: "your certificate or a recipient's is revoked",
    101: 'your certificate is expired',
    102: 'the message is from another address',
    103: 'there is no valid revocation list',
    105: 'the password is wrong',
    108: 'nothing can be encrypted to some recipients',
  },
  examples: [
    { command: 'mailseal encrypt letter.eml > sealed.eml', description: 'a message in a file' },
    { command: 'mailseal encrypt letter.eml --output outgoing', description: 'one with recipients in Bcc' },
    {
      command: 'mailseal encrypt letter.eml --without-unsecured --json --password-file password.txt',
      description: 'in a script, as {"message"}, to those who can read it',
    },
  ],
  async run(context) {
    const { io, args, options } = context
    const choices = choicesOf(options)
    const message = await readInput(io, args.file ?? '-', LIMITS.message)
    if (options.output === undefined && !context.json) assertOneMessage(message)
    const result = await withAgent(context, (agent) => agent.encrypt(message, choices), {
      passwordFile: options.passwordFile,
    })
    await sayWarnings(context, result.warnings)
    await sayUnsecured(context, result)
    return options.output === undefined
      ? { json: jsonOf(result), bytes: result.message }
      : inFolder(result, options.output)
  },
})

interface Options {
  readonly noSign: boolean
  readonly withoutUnsecured: boolean
  readonly inClear: boolean
}

/** @throws {@link MailsealError} `usage` for what excludes each other. */
function choicesOf({ noSign, withoutUnsecured, inClear }: Options): EncryptOptions {
  if (inClear && (noSign || withoutUnsecured)) {
    const other = noSign ? '--no-sign' : '--without-unsecured'
    throw new MailsealError('usage', `--in-clear and ${other} exclude each other`, { hint: 'give one of them' })
  }
  return { sign: !noSign, unsecured: inClear ? 'in-clear' : withoutUnsecured ? 'leave-out' : 'refuse' }
}

/** Never in silence: who does not get it, or that everybody can read it. */
async function sayUnsecured({ warn }: Frame, { isEncrypted, unsecured }: EncryptResult): Promise<void> {
  for (const verdict of unsecured) {
    await warn(`${verdict.address}: ${reasonText(verdict)}${isEncrypted ? '; left out' : ''}`)
  }
  if (!isEncrypted) await warn('the message is signed but NOT encrypted: everybody on its way can read it')
}

/** Told before a password is asked for. */
function assertOneMessage(message: Uint8Array): void {
  if (addresseesOf(parseMime(message)).hidden.length === 0) return
  throw new MailsealError('usage', 'the message has recipients in Bcc, each of whom gets a message of their own', {
    hint: 'name a folder for them: mailseal encrypt FILE --output DIR',
  })
}

function jsonOf({ message, recipients, bcc, isEncrypted, unsecured }: EncryptResult) {
  return {
    message: asText(message, 'the message'),
    encrypted: isEncrypted,
    recipients,
    ...(bcc.length === 0
      ? {}
      : { bcc: bcc.map((copy) => ({ address: copy.address, message: asText(copy.message, 'the message') })) }),
    ...(unsecured.length === 0
      ? {}
      : { unsecured: unsecured.map(({ address, status, reason }) => ({ address, status, reason })) }),
  }
}

/** One file for each message, and to whom it is to be sent: the copies themselves don't say it. */
async function inFolder(result: EncryptResult, folder: string): Promise<CommandResult> {
  const files = [
    { file: join(folder, 'message.eml'), recipients: result.recipients, message: result.message },
    ...result.bcc.map(({ address, message }, i) => ({
      file: join(folder, `bcc-${i + 1}.eml`),
      recipients: [address],
      message,
    })),
  ]
  await ensurePrivateFolder(folder)
  await writeAll(files)
  const written = files.map(({ file, recipients }) => ({ file, recipients }))
  const lines = written.map(({ file, recipients }) => `${file}: ${recipients.join(', ') || 'your own copy'}\n`)
  return { json: { ...jsonOf(result), files: written }, text: lines.join('') }
}

/** All or none: a file that is there already stays as it is. */
async function writeAll(files: readonly { readonly file: string; readonly message: Uint8Array }[]): Promise<void> {
  const written: string[] = []
  try {
    for (const { file, message } of files) {
      await writeSecretFileExclusive(file, message)
      written.push(file)
    }
  } catch (error) {
    for (const file of written) await unlink(file)
    throw error
  }
}
