import * as openpgp from 'openpgp'
import { toHex } from '../encoding.ts'
import { MailsealError } from '../errors.ts'
import { LIMITS } from '../limits.ts'
import { unarmored } from './message-armor.ts'
import { type Frame, readFrames } from './message-frames.ts'
import {
  allPackets,
  type EncryptedData,
  literalBytes,
  newEncryptedData,
  newEncryptedSessionKey,
  type PacketsRead,
  PaddedCompressedData,
} from './message-packets.ts'
import { OPENPGP_CONFIG, readPackets, writePackets } from './packets.ts'

const { publicKeyEncryptedSessionKey, symEncryptedSessionKey, symEncryptedIntegrityProtectedData, marker, padding } =
  openpgp.enums.packet
/** What may stand before the encrypted data. Passwords open no mail; markers and padding say nothing. */
const BEFORE_DATA: ReadonlySet<number> = new Set([
  publicKeyEncryptedSessionKey,
  symEncryptedSessionKey,
  marker,
  padding,
])

const WILDCARD = '0'.repeat(16)
/** RFC 9580, sections 5.1 and 5.13: which version of the key packet goes with which of the data packet. */
const DATA_VERSIONS: ReadonlyMap<number, number> = new Map([
  [3, 1],
  [6, 2],
])

/** Beyond these, with blocks of 64 bits or broken otherwise, encrypted text is not safe any more. */
const STRONG_CIPHERS: ReadonlySet<number> = new Set([
  openpgp.enums.symmetric.aes128,
  openpgp.enums.symmetric.aes192,
  openpgp.enums.symmetric.aes256,
  openpgp.enums.symmetric.twofish,
])

/** One layer of compression is undone, never two; what comes out of it is bounded. */
const OPENING_CONFIG: openpgp.Config = {
  ...OPENPGP_CONFIG,
  maxDecompressedMessageSize: LIMITS.message,
  ignoreUnsupportedPackets: true,
  ignoreMalformedPackets: true,
  allowUnauthenticatedStream: false,
  enforceGrammar: true,
  additionalAllowedPackets: [PaddedCompressedData],
}

/** An encrypted message, opened. What is in it is the sender's word. */
export interface OpenedMessage {
  /** Exactly what a signature inside covers. */
  readonly content: Uint8Array
  /** The signatures from inside the encryption, binary, none verified; null if there is none. */
  readonly signatures: Uint8Array<ArrayBuffer> | null
  /** Whether the cipher still counts as strong. */
  readonly isCipherStrong: boolean
  /** Keys that it is encrypted to, 16 lower-case hex digits each; all zero where the sender hides one. */
  readonly recipientKeyIds: readonly string[]
}

/**
 * The secret encryption subkeys in a secret key, or in a bare secret subkey packet.
 *
 * @throws {@link MailsealError} `bad-data`.
 */
export async function readSecretSubkeys(secretKey: Uint8Array): Promise<openpgp.SecretSubkeyPacket[]> {
  const packets = await readPackets(secretKey, 'the secret key')
  return packets.filter((packet) => packet instanceof openpgp.SecretSubkeyPacket)
}

/**
 * Opens a message with any of the keys, whatever once bound them. Nothing of it is looked at before its integrity is
 * certain; data without a modification detection code is refused (RFC 9580, section 13.7).
 *
 * @param message - Binary or armored; attacker-controlled.
 * @throws {@link MailsealError} `cannot-decrypt`: one text for every cause (RFC 9580, section 13.5).
 */
export async function openMessage(
  message: Uint8Array,
  keys: readonly openpgp.SecretSubkeyPacket[],
): Promise<OpenedMessage> {
  try {
    const binary = await unarmored(message, openpgp.enums.armor.message)
    const { wrapped, data } = sortFrames(readFrames(binary))
    const sealed = newEncryptedData()
    await sealed.read(data.body)
    const candidates = await unwrapSessionKeys(wrapped, keys, sealed)
    const opened = await openWithAny(sealed, candidates)
    return { ...opened, recipientKeyIds: wrapped.flatMap((frame) => keyIdOf(frame) ?? []) }
  } catch (cause) {
    throw new MailsealError('cannot-decrypt', 'the message cannot be decrypted', {
      hint: 'it was changed on its way, or is encrypted to a key that your key file does not hold: mailseal keyfile info',
      cause,
    })
  }
}

function sortFrames(frames: readonly Frame[]): { wrapped: readonly Frame[]; data: Frame } {
  const data = frames.at(-1)
  const before = frames.slice(0, -1)
  if (data?.tag !== symEncryptedIntegrityProtectedData || before.some(({ tag }) => !BEFORE_DATA.has(tag))) {
    throw new Error('not encrypted with integrity protection, or something stands around it')
  }
  return { wrapped: before.filter(({ tag }) => tag === publicKeyEncryptedSessionKey), data }
}

interface SessionKey {
  readonly algorithm: openpgp.enums.symmetric
  readonly key: Uint8Array
}

/**
 * Tries the keys whose id a key packet names, or all of them where it hides it. Both the tries and the session keys that
 * come of them are bounded, for each costs time.
 */
async function unwrapSessionKeys(
  wrapped: readonly Frame[],
  keys: readonly openpgp.SecretSubkeyPacket[],
  sealed: EncryptedData,
): Promise<SessionKey[]> {
  const found = new Map<string, SessionKey>()
  const named = wrapped.filter((frame) => keyIdOf(frame) !== WILDCARD)
  const hidden = wrapped.filter((frame) => keyIdOf(frame) === WILDCARD)
  let tries = 0
  for (const frame of [...named, ...hidden]) {
    if (DATA_VERSIONS.get(frame.body[0] ?? 0) !== sealed.version) continue
    const keyId = keyIdOf(frame)
    for (const key of keys) {
      if (keyId !== WILDCARD && keyId !== key.getKeyID().toHex()) continue
      if (found.size === LIMITS.sessionKeys || tries++ === LIMITS.decryptionTries) return [...found.values()]
      const unwrapped = await unwrap(frame, key, sealed)
      if (unwrapped !== null) found.set(toHex(unwrapped.key), unwrapped)
    }
  }
  return [...found.values()]
}

async function unwrap(
  frame: Frame,
  key: openpgp.SecretSubkeyPacket,
  sealed: EncryptedData,
): Promise<SessionKey | null> {
  try {
    const packet = newEncryptedSessionKey()
    packet.read(frame.body)
    await packet.decrypt(key)
    const algorithm = sealed.version === 2 ? sealed.cipherAlgorithm : packet.sessionKeyAlgorithm
    return packet.sessionKey === null || algorithm === null ? null : { algorithm, key: packet.sessionKey }
  } catch {
    // Another key's, or damaged: the next one may open it.
    return null
  }
}

async function openWithAny(
  sealed: EncryptedData,
  candidates: readonly SessionKey[],
): Promise<Omit<OpenedMessage, 'recipientKeyIds'>> {
  let failure = new Error('no key opens it')
  for (const { algorithm, key } of candidates) {
    try {
      await sealed.decrypt(algorithm, key, OPENING_CONFIG)
      return { ...(await contentOf(sealed.packets)), isCipherStrong: STRONG_CIPHERS.has(algorithm) }
    } catch (cause) {
      failure = cause as Error
    }
  }
  throw failure
}

/** One literal, with signatures around it; compressed data stand for what is in them. */
async function contentOf(list: PacketsRead): Promise<Pick<OpenedMessage, 'content' | 'signatures'>> {
  const packets = await allPackets(list)
  if (packets.filter(isContent).length !== 1) throw new Error('not exactly one content')
  const layers = packets.map(async (packet) =>
    packet instanceof PaddedCompressedData ? allPackets(await packet.decompressed(OPENING_CONFIG)) : [packet],
  )
  const inside = (await Promise.all(layers)).flat()
  const literals = inside.filter((packet) => packet instanceof openpgp.LiteralDataPacket)
  const [literal] = literals
  if (literal === undefined || literals.length > 1) throw new Error('not exactly one text')
  const signatures = inside.filter(isSignature)
  return {
    content: literalBytes(literal),
    signatures: signatures.length === 0 ? null : writePackets(...signatures),
  }
}

function isContent(packet: openpgp.AnyPacket): boolean {
  return packet instanceof openpgp.LiteralDataPacket || packet instanceof openpgp.CompressedDataPacket
}

/** One that OpenPGP.js can't read is a signature nevertheless. */
function isSignature(packet: openpgp.AnyPacket): boolean {
  if (packet instanceof openpgp.UnparseablePacket) return packet.tag === openpgp.enums.packet.signature
  return packet instanceof openpgp.SignaturePacket
}

/** Version 3 names the key id, version 6 the fingerprint, whose end (version 4) or begin (version 6) is the key id. */
function keyIdOf({ body }: Frame): string | null {
  if (body[0] === 3) return body.length < 9 ? null : toHex(body.subarray(1, 9))
  const length = body[1] ?? 0
  if (body[0] !== 6 || body.length < 2 + length) return null
  if (length === 0) return WILDCARD
  const fingerprint = body.subarray(3, 2 + length)
  return toHex(body[2] === 4 ? fingerprint.subarray(-8) : fingerprint.subarray(0, 8))
}
