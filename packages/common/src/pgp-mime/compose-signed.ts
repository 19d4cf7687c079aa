import type { Random } from '../clock.ts'
import { concat, utf8 } from '../encoding.ts'
import { bytesAt, type MimePart } from '../mime/index.ts'
import { canonicalText } from './canonical-text.ts'
import { asPlainMessage, describesContent, drawBoundary } from './composing.ts'
import { readSigned } from './read-signed.ts'
import { sevenBitPart } from './seven-bit-part.ts'

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
  const root = asPlainMessage(message, 'sign')
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

function outerHeader(root: MimePart, contentType: readonly string[]): Uint8Array {
  const kept = root.headers.all.filter((field) => !describesContent(field))
  const version = root.headers.fields('mime-version').length > 0 ? [] : ['MIME-Version: 1.0']
  const added = [...version, ...contentType].map((line) => `${line}\r\n`).join('')
  return concat(...kept.flatMap(({ range }) => [canonicalText(bytesAt(root, range)), utf8('\r\n')]), utf8(added))
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
