import { asText, formatMinute, LIMITS, parseTemporaryKey } from '@mailseal/common'
import { argument, defineCommand, type Frame, option, readInput } from '@mailseal/common/program'
import type { ServerIntroduction } from '../context.ts'
import type { EnrollResult } from '../enrollment/enroll.ts'
import { type Invitation, readEnrollmentMessage } from '../enrollment/message.ts'
import { identityJson } from '../speech.ts'
import { passwordFile, sayWarnings, withAgent } from './with-agent.ts'

/** A temporary key with every blank and hyphen that people put into it. */
const TEMPORARY_KEY_BYTES = 256

export const enroll = defineCommand({
  name: 'enroll',
  summary: 'Makes your keys and has them certified, with a temporary key.',
  description:
    'Your administrator gives you a temporary key, in an enrollment message or by hand. It works once. Your keys are made on ' +
    'this computer; the signing key never leaves it but in your key file, which you can copy to your other computers. If ' +
    'anything fails on the way, run the same command again: it goes on where it was.',
  arguments: {
    message: argument.optional('MESSAGE', 'the enrollment message as a file, or - for stdin'),
  },
  options: {
    address: option.text('--address ADDRESS', 'your address; with --server, if you have no enrollment message'),
    server: option.text('--server URL', 'the KM server'),
    temporaryKeyFile: option.text('--temporary-key-file FILE', 'file with the temporary key, instead of asking for it'),
    root: option.text('--root FINGERPRINT', "the organization's root; any other is refused"),
    passwordFile,
  },
  exitCodes: {
    105: 'the password of an enrollment that was begun is wrong',
    106: 'the temporary key is mistyped, used, expired, replaced or canceled',
    107: 'the KM server does not answer',
    108: 'nothing vouches for the KM server',
  },
  examples: [
    { command: 'mailseal enroll welcome.eml', description: 'with the enrollment message, saved as a file' },
    {
      command: 'mailseal enroll --address alice@example.org --server https://mailseal.example.org',
      description: 'with a temporary key that was given by hand',
    },
    {
      command: 'mailseal enroll welcome.eml --batch --temporary-key-file key.txt --password-file password.txt',
      description: 'in a script',
    },
  ],
  async run(context) {
    const { options, args } = context
    const invitation = await readInvitation(context, args.message)
    const temporaryKey = await chooseTemporaryKey(context, invitation, options.temporaryKeyFile)
    const { address, server, root } = options
    const result = await withAgent(
      context,
      (agent) => agent.enroll({ temporaryKey, invitation, address, server, root }),
      {
        passwordFile: options.passwordFile,
        confirmServer: (introduction) => confirmServer(context, introduction),
      },
    )
    await sayWarnings(context, result.warnings)
    for (const file of result.keptAside) await context.say(keptText(file))
    return { json: asJson(result), text: asEnrolledText(result) }
  },
})

async function readInvitation({ io }: Frame, path: string | undefined): Promise<Invitation | undefined> {
  if (path === undefined) return undefined
  return readEnrollmentMessage(await readInput(io, path, LIMITS.enrollmentMessage))
}

/** From the file, else from the message, else from the person. */
async function chooseTemporaryKey(
  { ask, io, say }: Frame,
  invitation: Invitation | undefined,
  file: string | undefined,
): Promise<string> {
  if (file !== undefined) return asText(await readInput(io, file, TEMPORARY_KEY_BYTES), 'the temporary key')
  const found = invitation?.temporaryKey ?? null
  if (found !== null) {
    await say('using the temporary key in the message')
    return found
  }
  return ask.password({
    message: 'Temporary key',
    instead: 'give it with --temporary-key-file FILE',
    check: parseTemporaryKey,
  })
}

/** Whoever stands between could name any server: a person has to compare what cannot be forged. */
async function confirmServer({ ask, say }: Frame, { server, organization, rootFingerprint }: ServerIntroduction) {
  if (!ask.possible) return false
  await say(`the KM server is ${server}, which is not on your address's own domain`)
  await say(`it speaks for the organization "${organization}" with the root fingerprint`)
  await say((rootFingerprint.match(/.{8}/g) ?? []).join(' '))
  const typed = await ask.input({
    message: "If your administrator confirms both, type the organization's name to go on; anything else stops",
    instead: 'give the fingerprint with --root FINGERPRINT',
  })
  return typed.trim() === organization
}

function asJson(result: EnrollResult) {
  const { keyFile, server, recoveredKeys, continued, keptAside, warnings } = result
  return { ...identityJson(result), ...{ keyFile, server, recoveredKeys, continued, keptAside, warnings } }
}

/** A key file of a forgotten password may be remembered yet. */
function keptText(file: string): string {
  if (!file.includes('.keyfile.old')) return `kept as "${file}": it could not be used any more`
  return `the key file that was here does not open with this password, or is of another mailbox; kept as "${file}". Should you remember its password: mailseal keyfile use "${file}"`
}

function asEnrolledText({ address, serial, validTo, keyFile, continued, recoveredKeys }: EnrollResult): string {
  const done = continued ? 'Finished the enrollment of' : 'Enrolled'
  return [
    `${done} ${address}: serial number ${serial}, valid until ${formatMinute(validTo)}.`,
    ...recoveredText(recoveredKeys),
    'Your key file, which your password opens, is',
    `  ${keyFile}`,
    'To sign on another computer as well, make a copy and run "mailseal keyfile use COPY" there. The copy is made with',
    '  mailseal keyfile copy COPY',
  ].join('\n')
}

function recoveredText(keys: number): string[] {
  if (keys === 0) return []
  const came = keys === 1 ? '1 old encryption key came back' : `${keys} old encryption keys came back`
  return [`${came}: the mail of their time opens again.`]
}
