import { promisify } from 'node:util'
import { inflate, inflateRaw } from 'node:zlib'
import * as openpgp from 'openpgp'
import { concat } from '../encoding.ts'
import { LIMITS } from '../limits.ts'
import { binaryDocument, date } from './packets.ts'

/* The packets of messages, with what OpenPGP.js gives them at run time and leaves out of its types. */

/** Packets as OpenPGP.js reads them: up to the first that holds data, the others when they are asked for. */
export type PacketsRead = openpgp.PacketList<openpgp.AnyPacket> & {
  readonly stream?: { getReader(): ReadableStreamDefaultReader<openpgp.AnyPacket> } | null
}

/**
 * All the packets, also behind the first that holds data: the signatures stand there.
 *
 * @throws if one of them is wrong, or where it must not be.
 */
export async function allPackets(list: PacketsRead): Promise<openpgp.AnyPacket[]> {
  const packets = [...list]
  const reader = list.stream?.getReader()
  for (let next = await reader?.read(); next?.done === false; next = await reader?.read()) packets.push(next.value)
  return packets
}

/** Encrypted data with integrity protection (RFC 9580, section 5.13). */
export interface EncryptedData extends openpgp.SymEncryptedIntegrityProtectedDataPacket {
  version: 1 | 2
  /** Of version 2; null before it is read. */
  readonly cipherAlgorithm: openpgp.enums.symmetric | null
  packets: PacketsRead
  encrypt(algorithm: openpgp.enums.symmetric, sessionKey: Uint8Array, config: openpgp.Config): Promise<boolean>
  /** Reads what is inside only once its integrity is certain. */
  decrypt(algorithm: openpgp.enums.symmetric, sessionKey: Uint8Array, config: openpgp.Config): Promise<boolean>
}

/** A session key encrypted to one key (RFC 9580, section 5.1). */
export interface EncryptedSessionKey extends openpgp.BasePacket {
  readonly sessionKey: Uint8Array | null
  /** Null in version 6, where the data say it. */
  readonly sessionKeyAlgorithm: openpgp.enums.symmetric | null
  encrypt(key: openpgp.PublicSubkeyPacket): Promise<void>
  decrypt(key: openpgp.SecretSubkeyPacket): Promise<void>
}

interface SessionKeyOptions {
  readonly version: 3
  readonly encryptionKeyPacket: openpgp.PublicSubkeyPacket
  readonly anonymousRecipient: boolean
  readonly sessionKey: Uint8Array
  readonly sessionKeyAlgorithm: openpgp.enums.symmetric
}

/** Empty. */
export function newEncryptedData(): EncryptedData {
  return new openpgp.SymEncryptedIntegrityProtectedDataPacket() as EncryptedData
}

/** Empty, to be read. */
export function newEncryptedSessionKey(): EncryptedSessionKey {
  return new openpgp.PublicKeyEncryptedSessionKeyPacket() as unknown as EncryptedSessionKey
}

/** Not encrypted yet. */
export function sessionKeyFor(options: SessionKeyOptions): EncryptedSessionKey {
  const packet = openpgp.PublicKeyEncryptedSessionKeyPacket as unknown as {
    fromObject(options: SessionKeyOptions): EncryptedSessionKey
  }
  return packet.fromObject(options)
}

/** Bytes as they are, with the time of their signature. */
export function literalOf(bytes: Uint8Array, at: number): openpgp.LiteralDataPacket {
  return Object.assign(binaryDocument(bytes), { date: date(at) })
}

export function literalBytes(literal: openpgp.LiteralDataPacket): Uint8Array {
  return (literal as unknown as { getBytes(): Uint8Array }).getBytes()
}

/** What announces the only signature over what follows. */
export function onePassOf(signature: openpgp.SignaturePacket): openpgp.OnePassSignaturePacket {
  const packet = openpgp.OnePassSignaturePacket as unknown as {
    fromSignaturePacket(signature: openpgp.SignaturePacket, isLast: boolean): openpgp.OnePassSignaturePacket
  }
  return packet.fromSignaturePacket(signature, true)
}

const { zip, zlib, uncompressed } = openpgp.enums.compression
const INFLATE = new Map([
  [zip, promisify(inflateRaw)],
  [zlib, promisify(inflate)],
])

/**
 * Compressed data that may be followed by anything up to the end of the packet: Sequoia pads messages so, by default, to
 * hide their length. OpenPGP.js by itself refuses that. Nothing is undone when the packet is read: many of them would
 * each be the size of a whole message before anybody counts them.
 */
export class PaddedCompressedData extends openpgp.CompressedDataPacket {
  #packet: Uint8Array = new Uint8Array()

  override async read(bytes: Uint8Array | ReadableStream<Uint8Array>): Promise<void> {
    this.#packet = await wholeOf(bytes)
  }

  /** What was compressed: bounded, and with no second layer inside. */
  async decompressed(config: openpgp.Config): Promise<PacketsRead> {
    const decompress = INFLATE.get(this.#packet[0] ?? uncompressed)
    const content = await decompress?.(this.#packet.subarray(1), { maxOutputLength: LIMITS.message })
    const plain = content === undefined ? this.#packet : concat(Uint8Array.of(uncompressed), content)
    const read = super.read as (bytes: Uint8Array, config: openpgp.Config) => Promise<void>
    await read.call(this, plain, { ...config, additionalAllowedPackets: [] })
    return (this as unknown as { packets: PacketsRead }).packets
  }
}

async function wholeOf(bytes: Uint8Array | ReadableStream<Uint8Array>): Promise<Uint8Array> {
  if (bytes instanceof Uint8Array) return bytes
  const reader = bytes.getReader()
  const chunks: Uint8Array[] = []
  for (let next = await reader.read(); !next.done; next = await reader.read()) chunks.push(next.value)
  return concat(...chunks)
}
