import { MailsealError } from '@mailseal/common'
import { crlFreshness } from '@mailseal/common/crl'
import { type MimePart, parseMime } from '@mailseal/common/mime'
import { canonicalText, readEncrypted, readSigned, type SignedMessage } from '@mailseal/common/pgp-mime'
import { type ListState, type SignatureVerdict, UNSIGNED } from '@mailseal/common/verdict'
import type { Context, Warning } from '../context.ts'
import { judge } from './judge.ts'
import { readHeaders } from './message-header.ts'
import { byUsableList, closeSetting, openSetting, type Setting } from './setting.ts'
import { textOf } from './text.ts'
import { type Verification, verificationOf } from './verification.ts'

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
  const setting = await openSetting(context)
  return {
    verify: async (message) => {
      const root = parseMime(message)
      return isEncrypted(root) ? verifySealed(context, setting, root) : verifySigned(context, setting, root)
    },
    close: () => closeSetting(setting),
  }
}

function isEncrypted(root: MimePart): boolean {
  try {
    return readEncrypted(root) !== null
  } catch (error) {
    // Whether it is formed as it has to be is for whoever opens it.
    if (error instanceof MailsealError && error.code === 'bad-data') return true
    throw error
  }
}

/** What nobody opened shows neither who signed it nor what it says. */
function verifySealed(context: Context, setting: Setting, root: MimePart): Verification {
  const signature = { ...UNSIGNED, reason: ENCRYPTED }
  const list = crlFreshness(setting.held?.header, context.clock.now())
  const headers = readHeaders(root, null)
  const { warnings } = setting
  const findings = { isOpened: false, signature, list, recipients: [], headers, text: '', warnings }
  return { ...verificationOf(findings), encrypted: true }
}

/** Verifies a message that is not encrypted. */
export async function verifySigned(context: Context, setting: Setting, root: MimePart): Promise<Verification> {
  const signed = readSignedOrMalformed(root)
  const payload = signed === null || signed === MALFORMED ? null : parseMime(signed.signedBytes)
  const headers = readHeaders(root, payload)
  const { signature, list } = await byUsableList(context, setting, async (usable, list) => ({
    list,
    // Whoever passes a sealed message on can sign around it, and need not know what it says (RFC 9787, section 5).
    signature: isSealed(payload) ? UNSIGNED : await judgeSigned(context, usable, list, signed, headers.author),
  }))
  const text = await textOf((payload ?? root).source)
  const warnings = [...setting.warnings, ...errantWarnings(payload === null ? root.children : [payload])]
  return verificationOf({ isOpened: false, signature, list, recipients: [], headers, text, warnings })
}

function isSealed(payload: MimePart | null): boolean {
  return payload?.contentType.type === 'multipart/encrypted'
}

/** The reason of a verdict without a signature on what would have to be opened first. */
export const ENCRYPTED = 'encrypted'
export const MALFORMED = 'malformed'

/** A message that says it is signed and is not formed so was changed on its way: that is a verdict, no failure. */
export function readSignedOrMalformed(root: MimePart): SignedMessage | typeof MALFORMED | null {
  try {
    return readSigned(root)
  } catch (error) {
    if (error instanceof MailsealError && error.code === 'bad-data') return MALFORMED
    throw error
  }
}

/** The verdict on a PGP/MIME signature, as far as there is one. */
export async function judgeSigned(
  context: Context,
  setting: Setting,
  list: ListState,
  signed: SignedMessage | typeof MALFORMED | null,
  from: string | null,
): Promise<SignatureVerdict> {
  if (signed === null) return UNSIGNED
  if (signed === MALFORMED) return { ...UNSIGNED, status: 'bad', reason: MALFORMED }
  const { signature, signedBytes } = signed
  return judge(context, setting, list, { signature, signedBytes: canonicalText(signedBytes), from })
}

/** Signed or encrypted parts that are not looked into say nothing about the message (RFC 9787, section 4). */
export function errantWarnings(parts: readonly MimePart[]): Warning[] {
  return parts.some(holdsLayer) ? [ERRANT] : []
}

const ERRANT: Warning = {
  code: 'outside-content',
  message:
    'a part of this message is signed or encrypted by itself; that says nothing about the message, and is not looked at',
}

function holdsLayer(part: MimePart): boolean {
  const { type } = part.contentType
  return type === 'multipart/signed' || type === 'multipart/encrypted' || part.children.some(holdsLayer)
}
