import { asMailsealError, LIMITS, type MailsealError } from '@mailseal/common'
import { argument, type CommandResult, defineCommand, type Frame, type Io, readInput } from '@mailseal/common/program'
import type { Warning } from '../context.ts'
import type { Verification } from '../mail/verification.ts'
import type { Verifier } from '../mail/verify.ts'
import { oneLine, verificationJson, verificationText } from '../speech.ts'
import { sayWarnings, withAgent } from './with-agent.ts'

export const verify = defineCommand({
  name: 'verify',
  summary: 'Checks who signed a message, and whether the certificate still counts.',
  description:
    'Verifies a PGP/MIME signed message: that nothing in it was changed, that the key is certified by your organization for the ' +
    "sender's address, and that it is not on the revocation list. The list is refreshed first if the KM server answers at once, " +
    'else the one on this computer counts.',
  arguments: { files: argument.any('FILE', 'messages; - or nothing for stdin') },
  options: {},
  exitCodes: {
    3: 'there is no valid signature',
    41: 'the message cannot be read',
    100: 'the certificate is revoked',
    101: 'the certificate was not valid when the message was signed, or the signature itself has expired',
    102: 'the signature is not by a certificate of the sender',
    103: 'there is no valid revocation list',
  },
  examples: [
    { command: 'mailseal verify letter.eml', description: 'one message' },
    { command: 'mailseal verify - --json < letter.eml', description: 'in a pipe, for a script' },
    { command: 'mailseal verify --json Maildir/cur/*', description: 'many; the exit code is the highest' },
  ],
  run: (context) =>
    withAgent(context, async (agent) => {
      const { files } = context.args
      const verifier = await agent.openVerifier()
      try {
        if (files.length > 1) return await verifyMany(context, verifier, files)
        const verification = await verifyOne(context.io, verifier, files[0] ?? '-')
        await sayWarnings(context, verification.warnings)
        const text = verificationText(verification)
        return { json: verificationJson(verification), text, exitCode: verification.exitCode }
      } finally {
        verifier.close()
      }
    }),
})

async function verifyOne(io: Io, verifier: Verifier, file: string): Promise<Verification> {
  return verifier.verify(await readInput(io, file, LIMITS.message))
}

/** One after the other, so that no more than one message is in memory; what can't be read does not stop the others. */
async function verifyMany(frame: Frame, verifier: Verifier, files: readonly string[]): Promise<CommandResult> {
  const results: object[] = []
  const texts: string[] = []
  const warnings = new Map<string, Warning>()
  let exitCode = 0
  for (const file of files) {
    const outcome = await verifyOne(frame.io, verifier, file).catch(asMailsealError)
    exitCode = Math.max(exitCode, outcome.exitCode)
    if ('summary' in outcome) for (const warning of outcome.warnings) warnings.set(warning.message, warning)
    results.push({ file, ...outcomeJson(outcome) })
    texts.push(`${oneLine(file)}:\n${outcomeText(outcome).replace(/^(?=.)/gm, '  ')}`)
  }
  await sayWarnings(frame, [...warnings.values()])
  return { json: { results }, text: texts.join(''), exitCode }
}

function outcomeJson(outcome: Verification | MailsealError): object {
  return 'summary' in outcome ? verificationJson(outcome) : { error: outcome.toJSON() }
}

function outcomeText(outcome: Verification | MailsealError): string {
  return 'summary' in outcome ? verificationText(outcome) : `error: ${outcome.message}\n`
}
