import { Buffer } from 'node:buffer'
import type { Random } from '../clock.ts'
import { concat, utf8 } from '../encoding.ts'
import { MailsealError } from '../errors.ts'
import { bytesAt, type HeaderField, type MimePart, parseMime } from '../mime/index.ts'
import { canonicalText } from './canonical-text.ts'
import { asPlainMessage, describesContent, drawBoundary } from './composing.ts'
import { readEncrypted } from './read-encrypted.ts'
import { sevenBitPart } from './seven-bit-part.ts'

/** What {@link composeEncrypted} works on. */
export interface EncryptedComposition {
  /** A whole RFC 5322 message, MIME or not, with CRLF or LF line ends. */
  readonly message: Uint8Array
  /** Encrypts exactly these bytes, signed or not, into an armored OpenPGP message. */
  readonly seal: (payload: Uint8Array) => Promise<string>
  readonly random: Random
}

/** Stands outside for the subject that is inside. */
const HIDDEN_SUBJECT = '[...]'
/** Kept inside only (RFC 9788, section 3.2.1). */
const INSIDE_ONLY: ReadonlySet<string> = new Set(['comments', 'keywords'])
/** Nobody but the sender may know; and what only a payload may have, whose word it is (RFC 9788, section 2.2). */
const NOWHERE: ReadonlySet<string> = new Set(['bcc', 'resent-bcc', 'hp-outer'])
/** RFC 5322, section 2.1.1, leaving room for what is put in front. */
const LONG_LINE = 900

/**
 * Makes a PGP/MIME encrypted message of a plain one, with protected headers: every field is inside, and outside the
 * subject says nothing, comments and keywords are missing. Bcc is nowhere. Line ends become CRLF.
 *
 * @throws {@link MailsealError} `bad-data` if the message is signed or encrypted already, has no single From address or
 *   can't be written safely; `too-large` beyond LIMITS, as every reader would refuse it.
 * @see RFC 3156, section 4; RFC 9788, section 5.
 */
export async function composeEncrypted({
  message,
  seal,
  random,
}: EncryptedComposition): Promise<Uint8Array<ArrayBuffer>> {
  const root = asPlainMessage(message, 'encrypt')
  const inner = root.headers.all.filter((field) => !isStructural(field) && !NOWHERE.has(field.name))
  const outer = inner.flatMap((field) => outerField(root, field))
  const payload = protectedPayload(root, inner, outer)
  const sealed = asArmor(await seal(payload))
  const boundary = drawBoundary(random, sealed)
  const composed = concat(
    ...outer.flatMap((field) => [field, utf8('\r\n')]),
    utf8(envelopeBegin(boundary)),
    sealed,
    utf8(`\r\n--${boundary}--\r\n`),
  )
  readEncrypted(parseMime(composed))
  return composed
}

/** MIME-Version and Content-* describe a layer, all others the message (RFC 9788, section 1.1). */
function isStructural(field: HeaderField): boolean {
  return field.name === 'mime-version' || describesContent(field)
}

function rawField(root: MimePart, field: HeaderField): Uint8Array {
  return canonicalText(bytesAt(root, field.range))
}

function outerField(root: MimePart, field: HeaderField): Uint8Array[] {
  if (INSIDE_ONLY.has(field.name)) return []
  return [field.name === 'subject' ? utf8(`Subject: ${HIDDEN_SUBJECT}`) : rawField(root, field)]
}

function protectedPayload(root: MimePart, inner: readonly HeaderField[], outer: readonly Uint8Array[]): Uint8Array {
  const fields = [...inner.map((field) => rawField(root, field)), ...outer.map(recorded)]
  const content = sevenBitPart(root, root.headers.all.filter(describesContent), 'hp="cipher"')
  const payload = concat(...fields.flatMap((field) => [field, utf8('\r\n')]), ...content)
  // A Content-Type that ends in an open comment, or says hp already, would swallow the word.
  if (parseMime(payload).contentType.parameters.get('hp') !== 'cipher') {
    throw new MailsealError('bad-data', "message's Content-Type can't be extended so that its headers are protected", {
      hint: 'correct the field Content-Type at the top of the message',
    })
  }
  return payload
}

/** What stands outside, recorded inside: so a reader notices what was changed on the way. */
function recorded(field: Uint8Array): Uint8Array {
  const lineEnd = Buffer.from(field.buffer, field.byteOffset, field.length).indexOf('\r\n')
  const isLong = (lineEnd < 0 ? field.length : lineEnd) > LONG_LINE
  return concat(utf8(isLong ? 'HP-Outer:\r\n ' : 'HP-Outer: '), field)
}

function asArmor(sealed: string): Uint8Array {
  const armor = sealed.trim().replaceAll(/\r?\n/g, '\r\n')
  if (!armor.startsWith('-----BEGIN PGP MESSAGE-----\r\n') || !armor.endsWith('\r\n-----END PGP MESSAGE-----')) {
    throw new TypeError('seal did not give an armored message')
  }
  return utf8(armor)
}

function envelopeBegin(boundary: string): string {
  return [
    'MIME-Version: 1.0',
    'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted";',
    ` boundary="${boundary}"`,
    '',
    `--${boundary}`,
    'Content-Type: application/pgp-encrypted',
    'Content-Description: PGP/MIME version identification',
    '',
    'Version: 1',
    '',
    `--${boundary}`,
    'Content-Type: application/octet-stream; name="encrypted.asc"',
    'Content-Description: OpenPGP encrypted message',
    'Content-Disposition: inline; filename="encrypted.asc"',
    '',
    '',
  ].join('\r\n')
}
