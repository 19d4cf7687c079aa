import type { RecipientStatus } from '@mailseal/common/recipient'
import { exitCodeOf, type ListState, type SignatureVerdict, type Summary, summarize } from '@mailseal/common/verdict'
import type { Warning } from '../context.ts'
import { listWarnings } from '../warnings.ts'
import { type Headers, isFromMismatch, shownHeader } from './message-header.ts'

/** The verdict on one message. What comes from the message is the sender's word: show it apart from the verdict. */
export interface Verification {
  readonly summary: Summary
  readonly encrypted: boolean
  readonly signature: SignatureVerdict
  readonly revocation: ListState
  /** To whom it is encrypted, as far as it was opened. */
  readonly recipients: readonly MessageRecipient[]
  readonly warnings: readonly Warning[]
  /** Exit code of a program that ends with this verdict. */
  readonly exitCode: number
  /** Decoded; empty if there is none. */
  readonly subject: string
  /** Whether the signature or the encryption covers the subject. */
  readonly isSubjectCovered: boolean
  /** The one address of the one From field; null if there is not exactly one. */
  readonly from: string | null
  /** The plain text of what is covered; of a message without security, of the message. Empty if it can't be shown. */
  readonly text: string
}

/** Somebody to whom a message is encrypted. */
export interface MessageRecipient {
  /** Null if it is not known whose key it is. */
  readonly address: string | null
  readonly status: RecipientStatus
}

/** What a verdict is put together from. */
export interface Findings {
  /** Whether it was encrypted and is open now. */
  readonly isOpened: boolean
  readonly signature: SignatureVerdict
  readonly list: ListState
  readonly recipients: readonly MessageRecipient[]
  readonly headers: Headers
  /** Null if it can't be shown. */
  readonly text: string | null
  /** Beside those that follow from the rest. */
  readonly warnings: readonly Warning[]
}

const NO_TEXT: Warning = { code: 'text-unreadable', message: "the message's text is too intricate to be shown" }
const FROM_MISMATCH = 'protected-header-mismatch'
export const SENDER_REVOKED = 'sender-revoked'

/** Puts the one verdict on a message together. */
export function verificationOf(findings: Findings): Verification {
  const { isOpened, signature, list, recipients, headers, text } = findings
  const summary = summarize(isOpened, signature)
  const isVerified = signature.status === 'good' || signature.status === 'contact'
  const { subject, from, isCovered } = shownHeader(headers, { isVerified, isEncrypted: isOpened })
  const warnings = [
    ...findings.warnings,
    ...(isFromMismatch(headers) ? [mismatchWarning(headers)] : []),
    ...listWarnings(list),
    ...(text === null ? [NO_TEXT] : []),
  ]
  const isSenderRevoked = warnings.some(({ code }) => code === SENDER_REVOKED)
  return {
    summary,
    encrypted: isOpened,
    signature,
    revocation: list,
    recipients,
    warnings,
    exitCode: isSenderRevoked ? REVOKED_EXIT : exitCodeOf(signature, isOpened),
    subject,
    isSubjectCovered: isCovered,
    from,
    text: text ?? '',
  }
}

const REVOKED_EXIT = 100

function mismatchWarning({ outer, inner }: Headers): Warning {
  const [outside, inside] = [outer.from, inner?.from ?? null].map((from) => from ?? 'nobody in particular')
  return { code: FROM_MISMATCH, message: `the message travels as from ${outside}, and inside it is from ${inside}` }
}
