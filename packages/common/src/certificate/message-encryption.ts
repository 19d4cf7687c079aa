import * as openpgp from 'openpgp'
import type { Random } from '../clock.ts'
import { MailsealError } from '../errors.ts'
import { LIMITS, SPANS } from '../limits.ts'
import { parseCertificate } from './certificate.ts'
import { armored } from './message-armor.ts'
import { literalOf, newEncryptedData, onePassOf, sessionKeyFor } from './message-packets.ts'
import {
  createdAt,
  isValidSignature,
  makeSignature,
  OPENPGP_CONFIG,
  SIGNATURE,
  SUBKEY_FLAGS,
  seconds,
  writePackets,
} from './packets.ts'

const AES256 = openpgp.enums.symmetric.aes256
const SESSION_KEY_LENGTH = 32

/** What {@link sealMessage} works with. */
export interface SealOptions {
  /** Whose subkeys open it, each as {@link encryptionKeyOf} gave it. */
  readonly recipients: readonly openpgp.PublicSubkeyPacket[]
  /** Signs; null leaves the signature out. */
  readonly signer: openpgp.SecretKeyPacket | null
  /** Unix seconds: date of the signature. */
  readonly at: number
  readonly random: Random
}

/**
 * Signs and encrypts in one OpenPGP object (RFC 9580, section 10.3): AES-256 with a modification detection code, which
 * every deployed program opens, and no compression. Works on packets, so that neither the signer's own self-signature
 * nor a preference in a recipient's certificate gets in the way.
 *
 * @returns ASCII armor. Only the recipients' key ids show on its outside.
 * @throws {@link MailsealError} `cannot-encrypt` if a recipient's key is one that nothing can be encrypted to.
 */
export async function sealMessage(bytes: Uint8Array, options: SealOptions): Promise<string> {
  const { recipients, random } = options
  if (recipients.length === 0) throw new TypeError('nobody could open a message without recipients')
  if (recipients.length > LIMITS.messageKeys) {
    throw new MailsealError('too-large', `a message has at most ${LIMITS.messageKeys} recipients`)
  }
  const sessionKey = random(SESSION_KEY_LENGTH)
  const sealed = newEncryptedData()
  sealed.version = 1
  sealed.packets = await signedPackets(bytes, options)
  await sealed.encrypt(AES256, sessionKey, OPENPGP_CONFIG)
  const keys = await Promise.all(recipients.map((recipient) => wrapSessionKey(sessionKey, recipient)))
  return armored(openpgp.enums.armor.message, writePackets(...keys, sealed))
}

async function signedPackets(bytes: Uint8Array, { signer, at }: SealOptions) {
  const packets = new openpgp.PacketList<openpgp.AnyPacket>()
  const literal = literalOf(bytes, at)
  if (signer === null) {
    packets.push(literal)
    return packets
  }
  const signature = await makeSignature(SIGNATURE.binary, signer, literal, at)
  packets.push(onePassOf(signature), literal, signature)
  return packets
}

async function wrapSessionKey(sessionKey: Uint8Array, recipient: openpgp.PublicSubkeyPacket) {
  const packet = sessionKeyFor({
    version: 3,
    encryptionKeyPacket: recipient,
    anonymousRecipient: false,
    sessionKey,
    sessionKeyAlgorithm: AES256,
  })
  try {
    await packet.encrypt(recipient)
  } catch (cause) {
    throw new MailsealError('cannot-encrypt', `nothing can be encrypted to the key ${recipient.getFingerprint()}`, {
      cause,
    })
  }
  return packet
}

/**
 * The subkey to which mail to a certificate's owner is encrypted: bound for encryption by the primary key, alive now and
 * not revoked. Whether to trust the certificate is another question.
 *
 * @param certificate - Binary.
 * @param now - Unix seconds; a key made within the clocks' tolerance after it counts.
 * @returns null if there is no such subkey.
 * @throws {@link MailsealError} `bad-data` if it is no certificate of a mailbox's shape.
 */
export async function encryptionKeyOf(
  certificate: Uint8Array,
  now: number,
): Promise<openpgp.PublicSubkeyPacket | null> {
  const { primary, subkey, subkeySignatures } = await parseCertificate(certificate)
  const data = { key: primary, bind: subkey }
  for (const signature of subkeySignatures) {
    // Hard or soft, from now or from later: whoever revoked a subkey does not want mail to it.
    if (await isValidSignature(signature, SIGNATURE.subkeyRevocation, primary, data)) return null
  }
  const newestFirst = [...subkeySignatures].sort((a, b) => createdAt(b) - createdAt(a))
  for (const binding of newestFirst) {
    if (createdAt(binding) > now + SPANS.clockTolerance) continue
    if (await isValidSignature(binding, SIGNATURE.subkeyBinding, primary, data)) {
      return isForEncryption(binding) && isAlive(subkey, binding, now) ? subkey : null
    }
  }
  return null
}

function isForEncryption({ keyFlags }: openpgp.SignaturePacket): boolean {
  return ((keyFlags?.[0] ?? 0) & SUBKEY_FLAGS) !== 0
}

function isAlive(subkey: openpgp.PublicSubkeyPacket, binding: openpgp.SignaturePacket, now: number): boolean {
  const created = seconds(subkey.created)
  const ends = binding.keyNeverExpires ? null : created + (binding.keyExpirationTime ?? 0)
  return created <= now + SPANS.clockTolerance && (ends === null || now < ends)
}
