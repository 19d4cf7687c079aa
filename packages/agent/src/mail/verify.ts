import { MailsealError } from '@mailseal/common'
import { crlFreshness } from '@mailseal/common/crl'
import { decodeHeader, type MimePart, parseMime, singleFrom } from '@mailseal/common/mime'
import { canonicalText, readSigned, type SignedMessage } from '@mailseal/common/pgp-mime'
import {
  exitCodeOf,
  judgeSignatures,
  type ListState,
  type SignatureVerdict,
  type Summary,
  summarize,
  UNSIGNED,
} from '@mailseal/common/verdict'
import { type Context, type Enrolled, requireEnrolled, type Warning } from '../context.ts'
import { findCertificate } from '../directory.ts'
import { type HeldList, isListMissing, openHeldList, refreshList } from '../revocation-list.ts'
import { listWarnings } from '../warnings.ts'
import { textOf } from './text.ts'

/** The verdict on one message. What comes from the message is the sender's word: show it apart from the verdict. */
export interface Verification {
  readonly summary: Summary
  readonly signature: SignatureVerdict
  readonly revocation: ListState
  readonly warnings: readonly Warning[]
  /** Exit code of a program that ends with this verdict. */
  readonly exitCode: number
  /** Decoded; empty if there is none. Not covered by the signature. */
  readonly subject: string
  /** The one address of the one From field; null if there is not exactly one. */
  readonly from: string | null
  /** The plain text of what the signature covers; of an unsigned message, of the message. Empty if it can't be shown. */
  readonly text: string
}

/** Verifies messages one by one, all by the same revocation list. Close it. */
export interface Verifier {
  /** @throws {@link MailsealError} `too-large` if the message can't be looked at. */
  verify(message: Uint8Array): Promise<Verification>
  close(): void
}

/**
 * Makes ready to verify: asks the KM server for a newer revocation list, briefly, and goes on with the own one where it
 * does not answer.
 *
 * @throws {@link MailsealError} `not-enrolled`.
 */
export async function openVerifier(context: Context): Promise<Verifier> {
  const enrolled = await requireEnrolled(context)
  const { isOnline, warnings } = await refreshBriefly(context, enrolled)
  const held = openHeldList(context)
  return {
    verify: (message) => verify(context, { enrolled, isOnline, held, warnings }, message),
    close: () => held?.close(),
  }
}

interface Setting {
  readonly enrolled: Enrolled
  readonly isOnline: boolean
  readonly held: HeldList | null
  readonly warnings: readonly Warning[]
}

async function refreshBriefly(context: Context, { identity, trust }: Enrolled) {
  try {
    await refreshList(context, { server: identity.server, trust, timeout: context.timeouts.refresh })
    return { isOnline: true, warnings: [] }
  } catch (error) {
    if (!(error instanceof MailsealError)) throw error
    const { code, message } = error
    return {
      isOnline: code !== 'server-unreachable',
      warnings: code === 'server-unreachable' ? [] : [{ code, message }],
    }
  }
}

async function verify(context: Context, setting: Setting, message: Uint8Array): Promise<Verification> {
  const root = parseMime(message)
  const from = singleFrom(root)?.address ?? null
  const signed = readSignedOrMalformed(root)
  const { signature, list } = await judgeByUsableList(context, setting, { signed, from })
  const text = await textOf(signed === null || signed === MALFORMED ? message : signed.signedBytes)
  return {
    summary: summarize(false, signature),
    signature,
    revocation: list,
    warnings: [...setting.warnings, ...listWarnings(list), ...(text === null ? [NO_TEXT] : [])],
    exitCode: exitCodeOf(signature),
    subject: decodeHeader(root.headers.fields('subject')[0]?.value ?? ''),
    from,
    text: text ?? '',
  }
}

const MALFORMED = 'malformed'
const NO_TEXT: Warning = { code: 'text-unreadable', message: "the message's text is too intricate to be shown" }

/** A message that says it is signed and is not formed so was changed on its way: that is a verdict, no failure. */
function readSignedOrMalformed(root: MimePart): SignedMessage | typeof MALFORMED | null {
  try {
    return readSigned(root)
  } catch (error) {
    if (error instanceof MailsealError && error.code === 'bad-data') return MALFORMED
    throw error
  }
}

interface Judged {
  readonly signed: SignedMessage | typeof MALFORMED | null
  readonly from: string | null
}

/** A list that turns out to be damaged counts as missing, for all that is said of the message. */
async function judgeByUsableList(context: Context, setting: Setting, judged: Judged) {
  const list = crlFreshness(setting.held?.header, context.clock.now())
  try {
    return { list, signature: await judge(context, setting, { ...judged, list }) }
  } catch (error) {
    if (!isListMissing(error)) throw error
    const missing = crlFreshness(undefined, context.clock.now())
    return { list: missing, signature: await judge(context, { ...setting, held: null }, { ...judged, list: missing }) }
  }
}

async function judge(
  context: Context,
  { enrolled, isOnline, held }: Setting,
  { signed, from, list }: Judged & { readonly list: ListState },
): Promise<SignatureVerdict> {
  if (signed === null) return UNSIGNED
  if (signed === MALFORMED) return { ...UNSIGNED, status: 'bad', reason: MALFORMED }
  const { document, authorities, domains } = enrolled.trust
  return judgeSignatures({
    signature: signed.signature,
    signedBytes: canonicalText(signed.signedBytes),
    from,
    now: context.clock.now(),
    findCertificate: (fingerprint, how) => findCertificate(context, enrolled, { fingerprint, how, isOnline }),
    authorities,
    domains,
    list,
    listPolicy: document.listPolicy,
    lookup: (serial) => held?.lookup(serial) ?? null,
  })
}
