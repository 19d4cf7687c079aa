import { Buffer } from 'node:buffer'
import { createHash, timingSafeEqual } from 'node:crypto'
import { MailsealError } from './errors.ts'

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** UTF-8 bytes of a string. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text)
}

/** @throws {@link MailsealError} `bad-data` if the bytes are not UTF-8. */
export function asText(bytes: Uint8Array, label: string): string {
  try {
    return strictUtf8.decode(bytes)
  } catch (cause) {
    throw new MailsealError('bad-data', `${label} is not UTF-8`, { cause })
  }
}

/** One new array that holds all the given ones in order. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let offset = 0
  for (const part of parts) {
    whole.set(part, offset)
    offset += part.length
  }
  return whole
}

/** Base64url without padding (RFC 4648, section 5). */
export function toBase64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64url')
}

/**
 * Reads the one canonical base64url form: no padding, no blanks, unused bits zero.
 *
 * @throws {@link MailsealError} `bad-data` for any other form.
 */
export function fromBase64url(text: string, label: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(Buffer.from(text, 'base64url'))
  if (toBase64url(bytes) !== text) throw new MailsealError('bad-data', `${label} is not base64url`)
  return bytes
}

/** Lower-case hex. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')
}

/** @throws {@link MailsealError} `bad-data` unless `text` is lower-case hex of whole bytes. */
export function fromHex(text: string, label: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(Buffer.from(text, 'hex'))
  if (toHex(bytes) !== text) throw new MailsealError('bad-data', `${label} is not lower-case hex`)
  return bytes
}

export function sha256(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return new Uint8Array(hash.digest())
}

/** Compares in constant time for equal lengths; the lengths themselves are no secret. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}
