import { isUtf8 } from 'node:buffer'
import { concat, utf8 } from '@mailseal/common'
import { type OpenedMessage, openMessage } from '@mailseal/common/certificate'
import { bytesAt, type MimePart, parseMime } from '@mailseal/common/mime'
import {
  canonicalText,
  type EncryptedMessage,
  readEncrypted,
  shownPart,
  withoutLegacyDisplay,
} from '@mailseal/common/pgp-mime'
import { bestVerdict, type SignatureVerdict } from '@mailseal/common/verdict'
import type { Context, Warning } from '../context.ts'
import { openOwnKeyFile } from '../passwords.ts'
import { judge } from './judge.ts'
import { type Headers, readHeaders } from './message-header.ts'
import { judgeRecipients, recipientWarnings } from './message-recipients.ts'
import { type OwnSubkey, ownSubkeys } from './own-subkeys.ts'
import { senderWarnings } from './sender.ts'
import { byUsableList, closeSetting, openSetting, type Setting } from './setting.ts'
import { textOf } from './text.ts'
import { type Verification, verificationOf } from './verification.ts'
import { errantWarnings, judgeSigned, MALFORMED, readSignedOrMalformed, verifySigned } from './verify.ts'

/** A message that was opened, and the verdict on it. */
export interface Opened extends Verification {
  /** The message as it would be without encryption; one that is not encrypted, as it came. */
  readonly message: Uint8Array
}

/** Opens messages one by one, by the same revocation list and with the key file unlocked once. Close it. */
export interface Reader {
  /**
   * @throws {@link MailsealError} `cannot-decrypt`, whatever the cause; `bad-data` if it is not formed as an encrypted
   *   message has to be; `too-large`; `password-needed`, `password-wrong`.
   */
  open(message: Uint8Array): Promise<Opened>
  close(): void
}

/**
 * Makes ready to open messages, as `openVerifier` does to verify them. The password is asked for with the first message
 * that is encrypted. What one's own certificate is worth by now does not matter.
 *
 * @throws {@link MailsealError} `not-enrolled`.
 */
export async function openReader(context: Context): Promise<Reader> {
  const setting = await openSetting(context)
  let unlocked: Promise<readonly OwnSubkey[]> | null = null
  const keys = () => {
    // A wrong password is no reason not to ask again.
    unlocked ??= unlock(context).catch((error) => {
      unlocked = null
      throw error
    })
    return unlocked
  }
  return {
    open: (message) => open(context, setting, keys, message),
    close: () => closeSetting(setting),
  }
}

async function unlock(context: Context): Promise<readonly OwnSubkey[]> {
  const { content } = await openOwnKeyFile(context)
  return ownSubkeys(content)
}

async function open(
  context: Context,
  setting: Setting,
  keys: () => Promise<readonly OwnSubkey[]>,
  message: Uint8Array,
): Promise<Opened> {
  const root = parseMime(message)
  const encrypted = readEncrypted(root)
  if (encrypted === null) return { ...(await verifySigned(context, setting, root)), message }
  const own = await keys()
  const opened = await openMessage(
    encrypted.sealed,
    own.map(({ key }) => key),
  )
  const inside = lookInside(root, encrypted, opened)
  const verification = await byUsableList(context, setting, async (usable, list) => {
    const signature = await judgeInside(context, usable, list, inside)
    const recipients = await judgeRecipients(context, usable, { opened, own, inside, signature })
    const warnings = [
      ...setting.warnings,
      ...(await senderWarnings(context, usable, { inside, recipients, signature })),
      ...recipientWarnings(recipients),
      ...(opened.isCipherStrong ? [] : [WEAK_CIPHER]),
      ...(inside.payload === null ? [] : errantWarnings([inside.payload])),
    ]
    const { headers } = inside
    const text = await shownText(inside)
    return verificationOf({ isOpened: true, signature, list, recipients, headers, text, warnings })
  })
  return { ...verification, message: plainMessage(root, inside) }
}

const WEAK_CIPHER: Warning = {
  code: 'weak-algorithm',
  message: 'the message is encrypted with a cipher that is not safe any more; the sender should update their program',
}

/** What was inside an encrypted message, before anything about it is judged. */
export interface Inside {
  readonly kind: EncryptedMessage['kind']
  /** The outermost part that travelled. */
  readonly root: MimePart
  readonly headers: Headers
  /** Exactly what was encrypted. */
  readonly content: Uint8Array
  /** The first part that is no layer; null for a text. */
  readonly payload: MimePart | null
  /** The signatures of the same OpenPGP object. */
  readonly signatures: Uint8Array | null
  /** A PGP/MIME signature that is all that was encrypted (RFC 3156, section 6.1). */
  readonly signed: ReturnType<typeof readSignedOrMalformed>
}

function lookInside(root: MimePart, { kind }: EncryptedMessage, { content, signatures }: OpenedMessage): Inside {
  const common = { kind, root, content, signatures }
  // A file has no header: what looks like one in front of the armor is none.
  if (kind !== 'mime')
    return { ...common, headers: readHeaders(kind === 'file' ? NO_MESSAGE : root, null), payload: null, signed: null }
  const entity = parseMime(content)
  const signed = readSignedOrMalformed(entity)
  const payload = signed === null || signed === MALFORMED ? entity : parseMime(signed.signedBytes)
  return { ...common, headers: readHeaders(root, payload), payload, signed }
}

const NO_MESSAGE = parseMime(new Uint8Array())

/** Both kinds of signatures cover all that is inside: one verdict. */
async function judgeInside(
  context: Context,
  setting: Setting,
  list: Parameters<typeof judge>[2],
  { headers, content, signatures, signed }: Inside,
): Promise<SignatureVerdict> {
  const from = headers.author
  const verdicts = [
    ...(signatures === null
      ? []
      : [await judge(context, setting, list, { signature: signatures, signedBytes: content, from })]),
    await judgeSigned(context, setting, list, signed, from),
  ]
  return bestVerdict(verdicts)
}

async function shownText({ payload, content }: Inside): Promise<string | null> {
  if (payload === null) return plainText(content)
  const part = shownPart(payload)
  const text = await textOf(bytesAt(part, part.whole))
  return text === null ? null : withoutLegacyDisplay(part, text)
}

function plainText(content: Uint8Array): string {
  const text = Buffer.from(content.buffer, content.byteOffset, content.length).toString(
    isUtf8(content) ? 'utf8' : 'latin1',
  )
  return text.replaceAll('\r\n', '\n')
}

/** A whole message for other programs: where the payload brings no header of its own, with the one that travelled. */
function plainMessage(root: MimePart, { kind, headers, payload, content, signed }: Inside): Uint8Array {
  if (kind === 'file') return content
  const version = utf8('MIME-Version: 1.0\r\n')
  const inner = headers.inner !== null && signed === null ? payload : null
  if (inner !== null && inner.headers.fields('from').length > 0) return concat(version, content)
  // Older programs protect the subject alone: the other fields are those that travelled.
  const describesLayer = (name: string) => name === 'mime-version' || name.startsWith('content-')
  const fields = root.headers.all.filter(({ name }) => !describesLayer(name) && !inner?.headers.fields(name).length)
  const header = fields.flatMap((field) => [canonicalText(bytesAt(root, field.range)), utf8('\r\n')])
  const type = `Content-Type: text/plain; charset=${isUtf8(content) ? 'utf-8' : 'unknown-8bit'}\r\n`
  const text = utf8(`${type}Content-Transfer-Encoding: 8bit\r\n\r\n`)
  return concat(...header, version, ...(kind === 'text' ? [text] : []), content)
}
