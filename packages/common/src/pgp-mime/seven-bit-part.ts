import { Buffer, isAscii, isUtf8 } from 'node:buffer'
import { utf8 } from '../encoding.ts'
import { MailsealError } from '../errors.ts'
import {
  boundaryOf,
  bytesAt,
  decodeBody,
  decodeQuotedPrintable,
  encodeBase64,
  encodeQuotedPrintable,
  type HeaderField,
  isIdentity,
  type MimePart,
  parseMime,
  type Range,
  startsWithFrom,
} from '../mime/index.ts'
import { canonicalText } from './canonical-text.ts'
import { traitsOf } from './line-traits.ts'

const CRLF = utf8('\r\n')

/** A body that is safe to sign, in pieces, and the transfer encoding that it got; null where its own still holds. */
interface SafeBody {
  readonly pieces: readonly Uint8Array[]
  readonly encoding: 'quoted-printable' | 'base64' | null
}

/**
 * Writes a part so that nothing changes it on its way (RFC 3156, section 5): CRLF line ends, ASCII, no long lines, no
 * trailing blanks, no line that begins with `From `. Text is encoded as quoted-printable where it has to be, other content as
 * base64; what is safe stays as it is. Nothing that a reader is shown changes:
 *
 * - Signed, encrypted and `message/*` parts stay untouched if they are 7-bit, trailing blanks included, since a change
 *   breaks what covers them. An attached message with 8-bit content is encoded inside; the others are refused then.
 * - Preamble and epilogue of a multipart are no content (RFC 2046, section 5.1.1) and go if they aren't safe.
 * - A part without Content-Type gets the one that it has by default, or `utf-8` or `unknown-8bit` (RFC 1428) as charset.
 *
 * @param fields - The header fields that it gets, from `part`.
 * @param parameter - One more parameter of its Content-Type, such as `hp="cipher"`.
 * @returns The part in pieces.
 * @throws {@link MailsealError} `bad-data` if it can't be written so.
 */
export function sevenBitPart(
  part: MimePart,
  fields: readonly HeaderField[] = part.headers.all,
  parameter: string | null = null,
): Uint8Array[] {
  const { pieces, encoding } = safeBody(part)
  const kept = fields.filter(({ name }) => name !== 'content-transfer-encoding' || keepsEncoding(part, encoding))
  const lines = kept.flatMap((field) => {
    const plain = plainLines(part, field)
    return parameter !== null && field.name === 'content-type' ? withParameter(plain, parameter) : plain
  })
  const hasType = fields.some(({ name }) => name === 'content-type')
  if (!hasType && part.contentType.type === 'text/plain') {
    const type = [`Content-Type: text/plain; charset=${charsetOf(part)}`]
    lines.push(...(parameter === null ? type : withParameter(type, parameter)))
  }
  if (encoding !== null) lines.push(`Content-Transfer-Encoding: ${encoding}`)
  return [utf8(lines.map((line) => `${line}\r\n`).join('')), CRLF, ...pieces]
}

function safeBody(part: MimePart): SafeBody {
  if (part.headers.fields('content-type').length > 1) throw refusal('has two Content-Type fields')
  if (part.transferEncoding === '') throw refusal('has two Content-Transfer-Encoding fields that differ')
  const { type } = part.contentType
  if (type === 'multipart/signed' || type === 'multipart/encrypted' || type.startsWith('message/'))
    return untouched(part)
  return type.startsWith('multipart/') ? multipart(part) : leaf(part)
}

function untouched(part: MimePart): SafeBody {
  const body = canonicalText(bytesAt(part, part.body))
  if (traitsOf(body).sevenBit) return { pieces: [body], encoding: null }
  if (part.contentType.type !== 'message/rfc822' || !isIdentity(part.transferEncoding)) {
    throw refusal(`of type ${part.contentType.type} is not 7-bit and must not be changed`)
  }
  return { pieces: sevenBitMessage(parseMime(bytesAt(part, part.body))), encoding: null }
}

function sevenBitMessage(message: MimePart): Uint8Array[] {
  const hasVersion = message.headers.fields('mime-version').length > 0
  return hasVersion ? sevenBitPart(message) : [utf8('MIME-Version: 1.0\r\n'), ...sevenBitPart(message)]
}

function multipart(part: MimePart): SafeBody {
  const boundary = boundaryOf(part.contentType)
  if (boundary === null || part.children.length === 0) throw refusal('is a multipart without parts')
  if (!isIdentity(part.transferEncoding)) throw refusal('is a multipart with a Content-Transfer-Encoding')
  const preamble = safeText(part, part.preamble)
  const epilogue = safeText(part, part.epilogue)
  const pieces = part.children.flatMap((child) => [utf8(`--${boundary}\r\n`), ...sevenBitPart(child), CRLF])
  return {
    pieces: [...(preamble.length > 0 ? [preamble, CRLF] : []), ...pieces, utf8(`--${boundary}--\r\n`), epilogue],
    encoding: null,
  }
}

function leaf(part: MimePart): SafeBody {
  const raw = bytesAt(part, part.body)
  if (part.transferEncoding === 'binary') return { pieces: [encodeBase64(raw)], encoding: 'base64' }
  const body = canonicalText(raw)
  if (traitsOf(body).safe) return { pieces: [body], encoding: null }
  if (part.transferEncoding === 'quoted-printable') return quotedPrintable(decodeQuotedPrintable(body))
  const content = decodeBody(part)
  const isPlainText = part.contentType.type.startsWith('text/') && isIdentity(part.transferEncoding)
  return isPlainText ? quotedPrintable(body) : { pieces: [encodeBase64(content)], encoding: 'base64' }
}

/** @param text - With CRLF line ends. */
function quotedPrintable(text: Uint8Array): SafeBody {
  return { pieces: [encodeQuotedPrintable(text)], encoding: 'quoted-printable' }
}

/** What stands around the parts of a multipart, if it needs no encoding; there is none for it. */
function safeText(part: MimePart, range: Range): Uint8Array {
  const text = canonicalText(bytesAt(part, range))
  return traitsOf(text).safe ? text : new Uint8Array()
}

/** 8-bit and binary no longer hold, and a new encoding takes the old one's place. */
function keepsEncoding(part: MimePart, encoding: string | null): boolean {
  return encoding === null && (!isIdentity(part.transferEncoding) || part.transferEncoding === '7bit')
}

/** A field as lines without trailing blanks; a folded line of blanks only goes, as it would end the header. */
function plainLines(part: MimePart, field: HeaderField): string[] {
  const bytes = canonicalText(bytesAt(part, field.range))
  if (field.name === '' || startsWithFrom(bytes, 0)) throw refusal('has a header line that is no field')
  if (!traitsOf(bytes).sevenBit) {
    throw refusal(
      `has a header field ${field.name} that is not ASCII or too long`,
      'encode it first (RFC 2047, RFC 2231)',
    )
  }
  const lines = Buffer.from(bytes).toString('latin1').split('\r\n')
  return lines.map((line) => line.trimEnd()).filter((line) => line !== '')
}

/** On a line of its own, so that none becomes too long. */
function withParameter(lines: readonly string[], parameter: string): string[] {
  const last = lines.at(-1) ?? ''
  return [...lines.slice(0, -1), `${last.replace(/;?$/, '')};`, ` ${parameter}`]
}

function charsetOf(part: MimePart): string {
  const content = decodeBody(part)
  if (isAscii(content)) return 'us-ascii'
  return isUtf8(content) ? 'utf-8' : 'unknown-8bit'
}

function refusal(
  what: string,
  hint = 'send it as an attachment of another type, or correct it, and try again',
): MailsealError {
  return new MailsealError('bad-data', `a part ${what}, so that the message can't be signed`, { hint })
}
