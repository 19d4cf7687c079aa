import { createHash } from 'node:crypto'
import { concat } from '@mailseal/common'
import * as openpgp from 'openpgp'

/* OpenPGP packets by hand: what our own maker cannot be brought to make. */

/** Subpacket types that the vectors change (RFC 9580, section 5.2.3.7). */
export const SUBPACKET = {
  created: 2,
  signatureExpires: 3,
  keyExpires: 9,
  issuer: 16,
  notation: 20,
  flags: 27,
  features: 30,
} as const

/** One subpacket: its type octet, bit 7 for critical, and its content. */
export interface Subpacket {
  readonly type: number
  readonly content: Uint8Array
}

/** The subpackets of a hashed area. */
export function subpacketsOf(area: Uint8Array): Subpacket[] {
  const found: Subpacket[] = []
  for (let at = 0; at < area.length; ) {
    const length = area[at] as number
    if (length >= 192) throw new Error('this subpacket is longer than the vectors need')
    found.push({ type: area[at + 1] as number, content: area.slice(at + 2, at + 1 + length) })
    at += 1 + length
  }
  return found
}

const write = (subpackets: readonly Subpacket[]) =>
  concat(...subpackets.map(({ type, content }) => concat(Uint8Array.of(content.length + 1, type), content)))

const u16 = (value: number) => Uint8Array.of(value >> 8, value & 255)

/** A packet with a header in the current format, its length in the shortest form. */
export function packet(tag: number, body: Uint8Array): Uint8Array {
  const length =
    body.length < 192
      ? Uint8Array.of(body.length)
      : Uint8Array.of(((body.length - 192) >> 8) + 192, (body.length - 192) & 255)
  return concat(Uint8Array.of(0xc0 | tag), length, body)
}

/** The packets of a binary certificate or secret key, each with its header. */
export function packetsOf(bytes: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = []
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at + 1] as number
    const size = first < 192 ? 2 + first : 3 + ((first - 192) << 8) + (bytes[at + 2] as number) + 192
    found.push(bytes.slice(at, at + size))
    at += size
  }
  return found
}

/** A packet's content without its header. */
export const contentOf = (bytes: Uint8Array) => bytes.slice((bytes[1] as number) < 192 ? 2 : 3)

/** What a v4 signature is made of, in the hands of the vectors. */
export interface HandMade {
  readonly type: number
  readonly hash?: number
  readonly hashed: readonly Subpacket[]
  readonly unhashed?: readonly Subpacket[]
}

/** The parts of a v4 Ed25519 signature packet. */
export function takeApart(signature: Uint8Array): HandMade {
  const body = contentOf(signature)
  const hashedLength = ((body[4] as number) << 8) | (body[5] as number)
  return { type: body[1] as number, hash: body[3] as number, hashed: subpacketsOf(body.slice(6, 6 + hashedLength)) }
}

/**
 * Signs hand-made subpackets (RFC 9580, section 5.2.4): right in its cryptography, whatever it says.
 *
 * @param signed - What is signed, before the signature's own part.
 */
export async function signByHand(
  signer: openpgp.SecretKeyPacket,
  signed: Uint8Array,
  { type, hash = openpgp.enums.hash.sha512, hashed, unhashed = [] }: HandMade,
): Promise<Uint8Array> {
  const area = write(hashed)
  const head = concat(Uint8Array.of(4, type, signer.algorithm, hash), u16(area.length), area)
  const trailer = concat(Uint8Array.of(4, 0xff), new Uint8Array(2), u16(head.length))
  const toSign = concat(signed, head, trailer)
  const name = hash === openpgp.enums.hash.sha256 ? 'sha256' : 'sha512'
  const digest = new Uint8Array(createHash(name).update(toSign).digest())
  const other = write(unhashed)
  return packet(2, concat(head, u16(other.length), other, digest.subarray(0, 2), await numbersOf(signer, toSign, hash)))
}

/** The two numbers of an EdDSA signature, as OpenPGP.js makes them over a document that ends just like `toSign`. */
async function numbersOf(signer: openpgp.SecretKeyPacket, toSign: Uint8Array, hash: number): Promise<Uint8Array> {
  const { seed } = signer.privateParams as { seed: Uint8Array }
  const name = hash === openpgp.enums.hash.sha256 ? 'sha256' : 'sha512'
  const digest = createHash(name).update(toSign).digest()
  const der = concat(Uint8Array.from(Buffer.from('302e020100300506032b657004220420', 'hex')), seed)
  const key = await crypto.subtle.importKey('pkcs8', der, 'Ed25519', false, ['sign'])
  const signature = new Uint8Array(await crypto.subtle.sign('Ed25519', key, digest))
  return concat(mpi(signature.subarray(0, 32)), mpi(signature.subarray(32)))
}

function mpi(bytes: Uint8Array): Uint8Array {
  const start = bytes.findIndex((byte) => byte !== 0)
  const value = start < 0 ? new Uint8Array() : bytes.subarray(start)
  const bits = value.length === 0 ? 0 : value.length * 8 - Math.clz32(value[0] as number) + 24
  return concat(u16(bits), value)
}

/** How a key is signed: 0x99, its length, its body. */
export function signedKey(key: Uint8Array): Uint8Array {
  const body = contentOf(key)
  return concat(Uint8Array.of(0x99), u16(body.length), body)
}

/** How a User ID is signed: 0xb4, its length in four octets, its body. */
export function signedUserId(userId: Uint8Array): Uint8Array {
  const body = contentOf(userId)
  return concat(Uint8Array.of(0xb4, 0, 0), u16(body.length), body)
}
