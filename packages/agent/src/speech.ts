import { formatDate, formatMinute, formatSpan, formatTime } from '@mailseal/common'
import type { RecipientVerdict } from '@mailseal/common/recipient'
import type { ListState, SignatureVerdict } from '@mailseal/common/verdict'
import { reasonText } from './mail/recipients.ts'
import { type MessageRecipient, SENDER_REVOKED, type Verification } from './mail/verification.ts'
import { ENCRYPTED } from './mail/verify.ts'
import type { Identity } from './state/state.ts'

/* How the agent puts things to people, and how to scripts. */

/** The original's words. */
export const REVOKED_SENTENCE = 'This message was secured with a revoked security certificate.'
export const NO_LIST_SENTENCE =
  'Unable to obtain a valid certificate revocation list. Digital signatures cannot be trusted at this time.'

/** Members of an identity as `--json` shows them. */
export function identityJson({ address, serial, fingerprint, validFrom, validTo }: Omit<Identity, 'directoryToken'>) {
  return { address, serial, fingerprint, validFrom: formatTime(validFrom), validTo: formatTime(validTo) }
}

/** A verdict as `--json` shows it. */
export function verificationJson(verification: Verification) {
  const { summary, encrypted, signature, revocation, recipients, warnings, subject, from, text } = verification
  const { status, signer, address, serial, fingerprint, signedAt, reason, revokedAt } = signature
  return {
    summary,
    encrypted,
    signature: {
      ...{ status, signer, address, serial, fingerprint },
      signedAt: timeOrNull(signedAt),
      reason,
      revokedAt: timeOrNull(revokedAt),
    },
    revocation,
    recipients,
    warnings,
    ...{ subject, from, text },
  }
}

const timeOrNull = (time: number | null) => (time === null ? null : formatTime(time))

/** A verdict for people. The message's own words stand behind their labels, where they can't pass for the verdict. */
export function verificationText(verification: Verification): string {
  const { signature, revocation, from, subject, encrypted, recipients } = verification
  const lines = [
    verdictSentence(verification),
    ...(encrypted && recipients.length > 0 ? [`Encrypted: ${recipientsText(recipients)}`] : []),
    // A verdict is worth as much as its list.
    `Revocation list: ${listText(revocation)}`,
    ...(signature.signer === null ? [] : [`${signerLabel(signature)}: ${signerText(signature.signer)}`]),
    ...(signature.serial === null ? [] : [`Certificate: serial number ${signature.serial}`]),
    ...(signature.signedAt === null ? [] : [`Signed: ${formatMinute(signature.signedAt)} (as the signature says)`]),
    `From: ${from === null ? '(not exactly one address)' : from}`,
    ...(oneLine(subject) === '' ? [] : [`${subjectLabel(verification)}: ${oneLine(subject)}`]),
  ]
  return `${lines.join('\n')}\n`
}

function subjectLabel({ isSubjectCovered, encrypted }: Verification): string {
  if (isSubjectCovered) return 'Subject'
  return encrypted ? 'Subject (not encrypted)' : 'Subject (not signed)'
}

function recipientsText(recipients: readonly MessageRecipient[]): string {
  const named = recipients.flatMap(({ address, status }) =>
    address === null
      ? []
      : [status === 'good' || status === 'contact' ? address : `${address} (${KEY_STATES[status]})`],
  )
  const unknown = recipients.length - named.length
  const others = unknown === 0 ? [] : [unknown === 1 ? 'one key not known here' : `${unknown} keys not known here`]
  return `to ${[...new Set(named), ...others].join(', ')}`
}

const KEY_STATES = { revoked: 'REVOKED', expired: 'a key no longer in use', none: 'no certificate' } as const

/** A message's own text, moved in, so that no line of it can pass for one of the verdict. */
export function messageText(text: string): string {
  return text.trim() === '' ? '' : `\nMessage:\n${text.trimEnd().replace(/^(?=.)/gm, '  ')}\n`
}

/** Each recipient on a line, with the reason why not. */
export function recipientsTable(recipients: readonly RecipientVerdict[]): string {
  const width = Math.max(0, ...recipients.map(({ address }) => address.length))
  const lines = recipients.map((recipient) => {
    const can = recipient.status === 'good' || recipient.status === 'contact' ? 'yes' : 'NO '
    return `${recipient.address.padEnd(width)}  ${can}  ${reasonText(recipient)}\n`
  })
  return lines.join('')
}

/** A certificate that nobody certified may bear any name. */
function signerLabel({ status }: SignatureVerdict): string {
  return status === 'bad' || status === 'uncertified' ? 'Signer (unproven)' : 'Signer'
}

/** A user ID; that of a mailbox without a name is its address in angle brackets. */
function signerText(signer: string): string {
  return oneLine(signer).replace(/^<([^<>]*)>$/, '$1')
}

function verdictSentence({ signature, warnings }: Verification): string {
  if (warnings.some(({ code }) => code === SENDER_REVOKED)) return REVOKED_SENTENCE
  switch (signature.status) {
    case 'good':
      return `Verified: signed by ${signature.address}.`
    case 'contact':
      return `Verified: signed by your contact ${signature.address}.`
    case 'revoked':
      return `${REVOKED_SENTENCE}${revokedText(signature)}`
    case 'expired':
      return signature.reason === 'signature-expired'
        ? 'Not verified: the signature was made to count for a while, which is over.'
        : 'Not verified: the certificate was not valid when this message was signed.'
    case 'uncertified':
      return 'Not verified: your organization did not certify the key that signed this message.'
    case 'mismatch':
      return 'Not verified: this message was signed with the certificate of another address than the one it is from.'
    case 'unknown':
      return unknownText(signature)
    case 'bad':
      return `Not verified: the signature is bad${signature.reason === null ? '' : ` (${BAD_REASONS.get(signature.reason) ?? signature.reason})`}.`
    case 'none':
      return signature.reason === ENCRYPTED ? 'Encrypted: to see who signed it, type mailseal open FILE' : 'Not signed.'
  }
}

const BAD_REASONS: ReadonlyMap<string, string> = new Map([
  ['altered', 'the message was changed after it was signed'],
  ['malformed', 'the message is not formed as a signed message has to be'],
  ['unreadable', 'it can not be read'],
  ['from-the-future', 'it is dated in the future'],
  ['before-the-key', 'it is dated before its key was made'],
])

function revokedText({ revokedAt, reason }: SignatureVerdict): string {
  const on = revokedAt === null ? '' : ` It was revoked on ${formatDate(revokedAt)}`
  return on === '' ? '' : `${on}${reason === null ? '' : ` (${reason})`}.`
}

function unknownText({ reason }: SignatureVerdict): string {
  if (reason === 'revocation-list-missing' || reason === 'revocation-list-stale') return NO_LIST_SENTENCE
  if (reason === 'no-issuer') return 'Not verified: the signature does not say whose it is.'
  if (reason === 'not-fetched-afresh') {
    return 'Not verified: the certificate has expired, and could not be fetched again to see whether it was revoked.'
  }
  return 'Not verified: the key that signed this message is not known here.'
}

/** How current a revocation list is, for people. */
export function listText({ state, number, age }: ListState): string {
  if (number === null || age === null) return 'missing'
  const known = `${formatSpan(age)} old, number ${number}`
  return state === 'stale' ? `OUT OF DATE, ${known}; what was revoked since is not known here` : `${state}, ${known}`
}

/** A stranger's text as a part of one line. */
export function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim()
}
