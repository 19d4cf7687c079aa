import * as openpgp from 'openpgp'
import { asText, concat, equalBytes, toHex } from '../encoding.ts'
import { MailsealError } from '../errors.ts'

/**
 * OpenPGP.js as we use it everywhere: no salt notation in our signatures (gpg shows it to people), and foreign
 * password-protected files may claim at most 2^18 KiB of memory.
 */
export const OPENPGP_CONFIG: openpgp.Config = {
  ...openpgp.config,
  nonDeterministicSignaturesViaNotation: false,
  maxArgon2MemoryExponent: 18,
  showComment: false,
  showVersion: false,
}

export const SIGNATURE = openpgp.enums.signature
export const ED25519_LEGACY = openpgp.enums.publicKey.eddsaLegacy
export const ECDH = openpgp.enums.publicKey.ecdh

/** Key flags (RFC 9580, section 5.2.3.29): certify and sign. */
export const PRIMARY_FLAGS = 0x03
/** Encrypt communications and storage. */
export const SUBKEY_FLAGS = 0x0c

/** What a signature is made over, in the shapes that OpenPGP.js takes. */
export type SignedData =
  | { readonly key: openpgp.AnyKeyPacket }
  | { readonly key: openpgp.AnyKeyPacket; readonly userID: openpgp.UserIDPacket }
  | { readonly key: openpgp.AnyKeyPacket; readonly bind: openpgp.AnyKeyPacket }
  | openpgp.LiteralDataPacket

export function date(seconds: number): Date {
  return new Date(seconds * 1000)
}

export function seconds(at: Date): number {
  return Math.floor(at.getTime() / 1000)
}

/** Bytes as a document to sign or verify, taken as they are. */
export function binaryDocument(bytes: Uint8Array): openpgp.LiteralDataPacket {
  const literal = new openpgp.LiteralDataPacket()
  // Declared private in the types, public in the documentation.
  ;(literal as unknown as { setBytes(bytes: Uint8Array, format: number): void }).setBytes(
    bytes,
    openpgp.enums.literal.binary,
  )
  return literal
}

/** A human-readable notation. */
export function notation(name: string, value: string, critical = false): openpgp.RawNotation {
  return { name, value: new TextEncoder().encode(value), humanReadable: true, critical }
}

/** The fields of a signature beside type, signer and date. */
export type SignatureFields = Partial<
  Pick<
    openpgp.SignaturePacket,
    | 'keyFlags'
    | 'preferredSymmetricAlgorithms'
    | 'preferredHashAlgorithms'
    | 'preferredCompressionAlgorithms'
    | 'features'
    | 'isPrimaryUserID'
    | 'reasonForRevocationFlag'
    | 'reasonForRevocationString'
    | 'rawNotations'
    | 'exportable'
  >
> & {
  /** Seconds after the key's creation. */
  readonly keyExpirationTime?: number
  /** Seconds after the signature's creation. */
  readonly signatureExpirationTime?: number
}

/**
 * Makes one v4 signature with SHA-512.
 *
 * @param at - Unix seconds: its creation time.
 */
export async function makeSignature(
  type: openpgp.enums.signature,
  signer: openpgp.SecretKeyPacket,
  data: SignedData,
  at: number,
  fields: SignatureFields = {},
): Promise<openpgp.SignaturePacket> {
  const signature = new openpgp.SignaturePacket()
  signature.signatureType = type
  signature.publicKeyAlgorithm = signer.algorithm
  signature.hashAlgorithm = openpgp.enums.hash.sha512
  Object.assign(signature, fields)
  if (fields.keyExpirationTime !== undefined) signature.keyNeverExpires = false
  if (fields.signatureExpirationTime !== undefined) signature.signatureNeverExpires = false
  // The fifth argument is missing from the types and needed for v4 (it decides about the salt notation).
  const sign = signature.sign.bind(signature) as unknown as (
    key: openpgp.SecretKeyPacket,
    data: SignedData,
    at: Date,
    detached: boolean,
    config: openpgp.Config,
  ) => Promise<void>
  await sign(signer, data, date(at), false, OPENPGP_CONFIG)
  return signature
}

/**
 * Whether a signature of the wanted type by this key over this data is cryptographically right, with a strong hash and
 * no unknown critical subpacket. Its dates are not looked at: that is for the caller, who knows which date counts.
 */
export async function isValidSignature(
  signature: openpgp.SignaturePacket,
  type: openpgp.enums.signature,
  signer: openpgp.AnyKeyPacket,
  data: SignedData,
  knownNotations: readonly string[] = [],
): Promise<boolean> {
  if (signature.signatureType !== type) return false
  try {
    await signature.verify(signer, type, data, null as unknown as Date, false, {
      ...OPENPGP_CONFIG,
      knownNotations: [...knownNotations],
    })
    return true
  } catch {
    return false
  }
}

/** Creation time of a signature, Unix seconds. */
export function createdAt(signature: openpgp.SignaturePacket): number {
  return seconds(signature.created as Date)
}

/** Fingerprint of the key that the signature's hashed area names as its maker, lower-case hex; null if it names none. */
export function issuerFingerprint(signature: openpgp.SignaturePacket): string | null {
  return signature.issuerFingerprint === null ? null : toHex(signature.issuerFingerprint)
}

/** Fingerprint in lower-case hex. */
export function fingerprintOf(key: openpgp.AnyKeyPacket): string {
  return key.getFingerprint()
}

/** Binary form of packets in a row. */
export function writePackets(...packets: readonly openpgp.AnyPacket[]): Uint8Array<ArrayBuffer> {
  const list = new openpgp.PacketList<openpgp.AnyPacket>()
  list.push(...packets)
  return concat(list.write())
}

const PACKET_CLASSES = [
  openpgp.PublicKeyPacket,
  openpgp.PublicSubkeyPacket,
  openpgp.SecretKeyPacket,
  openpgp.SecretSubkeyPacket,
  openpgp.UserIDPacket,
  openpgp.SignaturePacket,
]
const ALLOWED_PACKETS = Object.fromEntries(PACKET_CLASSES.map((packet) => [packet.tag, packet]))

/**
 * Reads packets of keys and signatures, and nothing else: written again they must have the same bytes, so that what
 * OpenPGP.js drops in silence (markers, damaged or unknown packets, odd lengths) cannot hide.
 *
 * @param bytes - Attacker-controlled; the caller has bounded its length.
 * @throws {@link MailsealError} `bad-data`.
 */
export async function readPackets(bytes: Uint8Array, label: string): Promise<openpgp.AnyPacket[]> {
  try {
    const read = openpgp.PacketList.fromBinary as unknown as (
      bytes: Uint8Array,
      allowed: object,
      config: openpgp.Config,
    ) => Promise<openpgp.PacketList<openpgp.AnyPacket>>
    const packets = [...(await read(new Uint8Array(bytes), ALLOWED_PACKETS, OPENPGP_CONFIG))]
    if (equalBytes(writePackets(...packets), bytes)) return packets
  } catch (cause) {
    throw new MailsealError('bad-data', `${label} is damaged`, { cause })
  }
  throw new MailsealError('bad-data', `${label} is not in the form in which it would be written again`)
}

/** The User ID's exact string. */
export function userIdText(packet: openpgp.UserIDPacket): string {
  return asText(packet.write(), 'user id')
}
