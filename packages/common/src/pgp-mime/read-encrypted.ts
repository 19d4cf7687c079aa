import { Buffer } from 'node:buffer'
import { MailsealError } from '../errors.ts'
import { decodeBody, type MimePart } from '../mime/index.ts'

const PROTOCOL = 'application/pgp-encrypted'
const BEGIN = '-----BEGIN PGP MESSAGE-----'
const END = '-----END PGP MESSAGE-----'

/** An encrypted message, taken apart. Attacker-controlled. */
export interface EncryptedMessage {
  /** `mime`: a MIME entity is inside. `text`: a text, whose message's header is outside. `file`: a text alone. */
  readonly kind: 'mime' | 'text' | 'file'
  /** An OpenPGP message, usually armored. */
  readonly sealed: Uint8Array
}

/**
 * Takes apart a message that is encrypted as a whole: PGP/MIME, or a text or a file that is one armored message and
 * nothing else. What is encrypted further inside says nothing about the message as a whole (RFC 9787, section 4) and is
 * not looked for; neither is an armored message with text around it.
 *
 * @returns null if the message isn't encrypted in one of these ways.
 * @throws {@link MailsealError} `bad-data` if it says so but isn't formed so.
 * @see RFC 3156, section 4; RFC 1847, section 2.2.
 */
export function readEncrypted(root: MimePart): EncryptedMessage | null {
  const { type, parameters } = root.contentType
  if (type === 'multipart/encrypted') {
    const protocol = parameters.get('protocol')?.toLowerCase()
    return protocol === undefined || protocol === PROTOCOL ? { kind: 'mime', sealed: sealedPart(root, protocol) } : null
  }
  if (isArmor(root.source)) return { kind: 'file', sealed: root.source }
  if (type !== 'text/plain' || root.transferEncoding === '') return null
  const text = armoredText(root)
  return text === null ? null : { kind: 'text', sealed: text }
}

function sealedPart(root: MimePart, protocol: string | undefined): Uint8Array {
  if (protocol === undefined) throw malformed('does not say how it is encrypted')
  const [version, data, ...others] = root.children
  if (version === undefined || data === undefined || others.length > 0) throw malformed('does not have two parts')
  if (version.contentType.type !== PROTOCOL) throw malformed(`has no ${PROTOCOL} as its first part`)
  if (!/^version:[ \t]*1[ \t]*$/i.test(Buffer.from(decodeBody(version)).toString('latin1').trim())) {
    throw malformed('is of an unknown version')
  }
  if (data.contentType.type !== 'application/octet-stream') {
    throw malformed('has no application/octet-stream as its second part')
  }
  const sealed = decodeBody(data)
  const isBinary = ((sealed[0] ?? 0) & 0x80) !== 0
  if (!isBinary && !isArmor(sealed)) throw malformed('has something else than one OpenPGP message in its second part')
  return sealed
}

function armoredText(root: MimePart): Uint8Array | null {
  // Armor is ASCII whatever the encoding; what decodes to it needs no decoding first unless it is encoded.
  const isKnown = ['7bit', '8bit', 'binary', 'quoted-printable', 'base64'].includes(root.transferEncoding)
  const text = isKnown ? decodeBody(root) : null
  return text !== null && isArmor(text) ? text : null
}

/** Whether bytes are exactly one armored message: blanks may stand around it, and nothing else. */
function isArmor(bytes: Uint8Array): boolean {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const start = firstSolid(buffer)
  const begin = buffer.toString('latin1', start, start + BEGIN.length)
  const end = buffer.toString('latin1', Math.max(0, buffer.length - 256)).trimEnd()
  if (begin !== BEGIN || !end.endsWith(END)) return false
  return buffer.indexOf('-----', start + BEGIN.length) === buffer.lastIndexOf(END)
}

function firstSolid(buffer: Buffer): number {
  let at = 0
  while (at < buffer.length && ' \t\r\n'.includes(String.fromCharCode(buffer[at] as number))) at++
  return at
}

function malformed(what: string): MailsealError {
  return new MailsealError('bad-data', `the encrypted message ${what}`, {
    hint: 'it was changed on its way, or made by a faulty program; ask the sender to send it again',
  })
}
