import { LIMITS, MailsealError, parseTemporaryKey } from '@mailseal/common'
import { bytesAt, decodeBody, type MimePart, parseMime } from '@mailseal/common/mime'
import { ATTACHMENT, readAttachment } from '@mailseal/common/offer'

/** What an enrollment message brings. Nothing in it is verified yet. */
export interface Invitation {
  readonly offer: Uint8Array
  readonly mac: Uint8Array
  readonly authority: Uint8Array
  /** The temporary key that stands in the text, if exactly one does. Secret. */
  readonly temporaryKey: string | null
}

/** Five groups of five, as temporary keys are written; hyphens may have become dashes. */
const KEY_LIKE = /(?<![\p{L}\p{N}])[0-9A-Za-z]{5}(?:[-\u2010-\u2015\u2212][0-9A-Za-z]{5}){4}(?![\p{L}\p{N}])/gu

/**
 * Reads an enrollment message: its attachment, and the temporary key if it carries one.
 *
 * @param message - Attacker-controlled.
 * @throws {@link MailsealError} `too-large`; `bad-data` if it is no enrollment message.
 */
export function readEnrollmentMessage(message: Uint8Array): Invitation {
  if (message.length > LIMITS.enrollmentMessage) {
    throw new MailsealError(
      'too-large',
      `the message is larger than ${LIMITS.enrollmentMessage} bytes, which no enrollment message is`,
    )
  }
  const leaves = leavesOf(parseMime(message))
  const [attachment, ...others] = leaves.filter(isAttachment)
  if (attachment === undefined || others.length > 0) {
    const what = attachment === undefined ? 'no enrollment attachment' : 'more than one enrollment attachment'
    throw new MailsealError('bad-data', `the message has ${what}`, {
      hint: 'save the whole enrollment message as a file, or enroll without it: mailseal enroll --address ADDRESS --server URL',
    })
  }
  const { offer, mac, authority } = readAttachment(decodeBody(attachment))
  return { offer, mac, authority, temporaryKey: findTemporaryKey(leaves) }
}

function leavesOf(part: MimePart): MimePart[] {
  return part.children.length === 0 ? [part] : part.children.flatMap(leavesOf)
}

function isAttachment(part: MimePart): boolean {
  if (part.contentType.type === ATTACHMENT.contentType) return true
  if (part.contentType.type !== 'application/octet-stream') return false
  // Gateways that don't know the type turn it into bytes and keep the name.
  const header = new TextDecoder().decode(bytesAt(part, part.header))
  return header.includes(ATTACHMENT.filename)
}

function findTemporaryKey(leaves: readonly MimePart[]): string | null {
  const texts = leaves.filter((part) => part.contentType.type === 'text/plain').map(textOf)
  const found = new Set(texts.flatMap((text) => text.match(KEY_LIKE) ?? []))
  const [only, ...others] = found
  // A single one is meant, even mistyped: that is then said, and nothing is sent.
  if (only !== undefined && others.length === 0) return only
  const valid = [...found].filter(isTemporaryKey)
  return valid.length === 1 ? (valid[0] ?? null) : null
}

function isTemporaryKey(text: string): boolean {
  try {
    parseTemporaryKey(text)
    return true
  } catch {
    return false
  }
}

function textOf(part: MimePart): string {
  try {
    return new TextDecoder().decode(decodeBody(part))
  } catch {
    return ''
  }
}
