import { Buffer } from 'node:buffer'
import type { Random } from '../clock.ts'
import { toHex } from '../encoding.ts'
import { MailsealError } from '../errors.ts'
import { bytesAt, type HeaderField, type MimePart, parseMime, singleFrom } from '../mime/index.ts'

/* What composing a signed and an encrypted message have in common. */

const BOUNDARY_BYTES = 16
const BOUNDARY_DRAWS = 8

/**
 * Reads a message that is to be secured, and makes sure that this has a meaning.
 *
 * @param command - As typed, for hints.
 * @throws {@link MailsealError} `bad-data`, `too-large`.
 */
export function asPlainMessage(message: Uint8Array, command: 'sign' | 'encrypt'): MimePart {
  if (message.length === 0) throw new MailsealError('bad-data', 'message is empty')
  const root = parseMime(message)
  const { type } = root.contentType
  if (type === 'multipart/signed') {
    throw new MailsealError('bad-data', 'message is already signed', {
      hint: `${command} the message as it was before: mailseal ${command} FILE`,
    })
  }
  if (type === 'multipart/encrypted') {
    throw new MailsealError('bad-data', 'message is already encrypted', {
      hint: 'sign and encrypt the plain message in one step: mailseal encrypt FILE',
    })
  }
  if (root.headers.all.some((field) => field.name === '' || hasStrayControl(root, field))) {
    throw new MailsealError('bad-data', "message's header has a line that is no field", {
      hint: 'a message begins with lines like "From: alice@example.org" and a blank line before its text',
    })
  }
  if (singleFrom(root) === null) {
    throw new MailsealError('bad-data', 'message has no single From address', {
      hint: 'write one line "From: alice@example.org" with your own address',
    })
  }
  return root
}

/** NUL and lone CR mean a line end to some programs and nothing to others. */
function hasStrayControl(root: MimePart, field: HeaderField): boolean {
  const bytes = bytesAt(root, field.range)
  return bytes.some((byte, i) => byte === 0 || (byte === 0x0d && bytes[i + 1] !== 0x0a))
}

/** Whether a field belongs to the content and not to the message: it moves inside. */
export function describesContent({ name }: HeaderField): boolean {
  return name.startsWith('content-')
}

/** A boundary that the content does not hold; `=_` stands in neither quoted-printable nor base64 nor armor. */
export function drawBoundary(random: Random, content: Uint8Array): string {
  const haystack = Buffer.from(content.buffer, content.byteOffset, content.length)
  for (let draw = 0; draw < BOUNDARY_DRAWS; draw++) {
    const boundary = `=_mailseal_${toHex(random(BOUNDARY_BYTES))}`
    if (!haystack.includes(`--${boundary}`)) return boundary
  }
  throw new TypeError('random gives bytes that are not random')
}
