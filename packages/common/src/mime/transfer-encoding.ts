import { Buffer } from 'node:buffer'
import { MailsealError } from '../errors.ts'
import type { RawHeaders } from './headers.ts'
import type { MimePart } from './part.ts'
import { decodeQuotedPrintable } from './quoted-printable.ts'
import { Scanner } from './scanner.ts'

const BASE64_LINE = 76
/** Encodings that leave the content as it is (RFC 2045, section 6.2). */
const IDENTITIES = new Set(['7bit', '8bit', 'binary'])

/** The transfer encoding of a part, lower case: `7bit` where nothing is said, empty if two fields contradict each other. */
export function transferEncodingOf(headers: RawHeaders): string {
  const encodings = new Set(headers.fields('content-transfer-encoding').map(({ value }) => readToken(value)))
  const [encoding = '7bit'] = encodings
  return encodings.size > 1 ? '' : encoding
}

/** Whether a body in this encoding is its own content. */
export function isIdentity(transferEncoding: string): boolean {
  return IDENTITIES.has(transferEncoding)
}

/**
 * The content of a leaf: its body, transfer encoding undone. Strays in base64 and quoted-printable are passed over, as
 * the standard asks.
 *
 * @throws {@link MailsealError} `bad-data` for an encoding that isn't known.
 * @see RFC 2045, section 6.
 */
export function decodeBody(part: MimePart): Uint8Array {
  const body = part.source.subarray(part.body.start, part.body.end)
  if (isIdentity(part.transferEncoding)) return body
  if (part.transferEncoding === 'quoted-printable') return decodeQuotedPrintable(body)
  if (part.transferEncoding === 'base64') return decodeBase64(body)
  throw new MailsealError('bad-data', 'a part has an unknown Content-Transfer-Encoding')
}

/** Base64 in lines of 76 characters, with CRLF between them and none at the end (RFC 2045, section 6.8). */
export function encodeBase64(content: Uint8Array): Uint8Array<ArrayBuffer> {
  const text = Buffer.from(content.buffer, content.byteOffset, content.length).toString('base64')
  const lines = Math.ceil(text.length / BASE64_LINE)
  const encoded = Buffer.alloc(text.length + 2 * Math.max(lines - 1, 0))
  for (let line = 0; line < lines; line++) {
    const at = line * (BASE64_LINE + 2)
    if (line > 0) encoded.write('\r\n', at - 2, 'latin1')
    encoded.write(text.slice(line * BASE64_LINE, (line + 1) * BASE64_LINE), at, 'latin1')
  }
  return encoded
}

function decodeBase64(body: Uint8Array): Uint8Array {
  return Buffer.from(Buffer.from(body.buffer, body.byteOffset, body.length).toString('latin1'), 'base64')
}

function readToken(value: string): string {
  const scanner = new Scanner(value)
  scanner.skipBlanks()
  return scanner.until('( \t;').toLowerCase()
}
