import { Buffer } from 'node:buffer'
import type { Random } from '../clock.ts'
import { concat, toHex, utf8 } from '../encoding.ts'
import { MailsealError } from '../errors.ts'
import { bytesAt, type HeaderField, type MimePart, parseMime, singleFrom } from '../mime/index.ts'
import { canonicalText } from './canonical-text.ts'
import { readSigned } from './read-signed.ts'
import { sevenBitPart } from './seven-bit-part.ts'

const BOUNDARY_BYTES = 16
const BOUNDARY_DRAWS = 8

/** What {@link composeSigned} works on. */
export interface SignedComposition {
  /** A whole RFC 5322 message, MIME or not, with CRLF or LF line ends. */
  readonly message: Uint8Array
  /** Makes an armored detached signature over exactly these bytes. */
  readonly sign: (signedBytes: Uint8Array) => Promise<string>
  /** The signature's hash, such as `pgp-sha512`. */
  readonly micalg: string
  readonly random: Random
}

/**
 * Makes a PGP/MIME signed message of a plain one. Content-* fields move into the signed part, which is written so that nothing
 * changes it on its way; all other fields stay outside, byte for byte, Bcc included. Line ends become CRLF.
 *
 * @throws {@link MailsealError} `bad-data` if the message is signed or encrypted already, has no single From address or
 * can't be written safely; `too-large` beyond LIMITS, as every reader would refuse it.
 * @see RFC 3156, section 5; RFC 1847, section 2.1.
 */
export async function composeSigned({
  message,
  sign,
  micalg,
  random,
}: SignedComposition): Promise<Uint8Array<ArrayBuffer>> {
  if (!/^pgp-[a-z0-9-]{1,32}$/.test(micalg)) throw new TypeError('micalg is not like pgp-sha512')
  const root = asPlainMessage(message)
  const signedBytes = concat(...sevenBitPart(root, root.headers.all.filter(describesContent)))
  const boundary = drawBoundary(random, signedBytes)
  const outer = outerHeader(root, [
    `Content-Type: multipart/signed; micalg="${micalg}";`,
    ' protocol="application/pgp-signature";',
    ` boundary="${boundary}"`,
  ])
  const signature = asArmorLines(await sign(signedBytes))
  const composed = concat(outer, utf8(`\r\n--${boundary}\r\n`), signedBytes, utf8(signaturePart(boundary, signature)))
  readSigned(composed)
  return composed
}

/** Reads the message and makes sure that a signature over it has a meaning. */
function asPlainMessage(message: Uint8Array): MimePart {
  if (message.length === 0) throw new MailsealError('bad-data', 'message is empty')
  const root = parseMime(message)
  const { type } = root.contentType
  if (type === 'multipart/signed') {
    throw new MailsealError('bad-data', 'message is already signed', {
      hint: 'sign the message as it was before: mailseal sign FILE',
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

function describesContent({ name }: HeaderField): boolean {
  return name.startsWith('content-')
}

function outerHeader(root: MimePart, contentType: readonly string[]): Uint8Array {
  const kept = root.headers.all.filter((field) => !describesContent(field))
  const version = root.headers.fields('mime-version').length > 0 ? [] : ['MIME-Version: 1.0']
  const added = [...version, ...contentType].map((line) => `${line}\r\n`).join('')
  return concat(...kept.flatMap(({ range }) => [canonicalText(bytesAt(root, range)), utf8('\r\n')]), utf8(added))
}

/** A boundary that the content does not hold; `=_` stands in neither quoted-printable nor base64. */
function drawBoundary(random: Random, content: Uint8Array): string {
  const haystack = Buffer.from(content.buffer, content.byteOffset, content.length)
  for (let draw = 0; draw < BOUNDARY_DRAWS; draw++) {
    const boundary = `=_mailseal_${toHex(random(BOUNDARY_BYTES))}`
    if (!haystack.includes(`--${boundary}`)) return boundary
  }
  throw new TypeError('random gives bytes that are not random')
}

function asArmorLines(signature: string): string[] {
  const lines = signature.trim().split(/\r?\n/)
  if (lines[0] !== '-----BEGIN PGP SIGNATURE-----' || lines.at(-1) !== '-----END PGP SIGNATURE-----') {
    throw new TypeError('sign did not give an armored signature')
  }
  return lines
}

function signaturePart(boundary: string, signature: readonly string[]): string {
  return [
    '',
    `--${boundary}`,
    'Content-Type: application/pgp-signature; name="signature.asc"',
    'Content-Description: OpenPGP digital signature',
    'Content-Disposition: attachment; filename="signature.asc"',
    '',
    ...signature,
    `--${boundary}--`,
    '',
  ].join('\r\n')
}
