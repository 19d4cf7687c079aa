import * as openpgp from 'openpgp'
import { utf8 } from '../encoding.ts'
import { MailsealError } from '../errors.ts'
import { validToOf } from './dates.ts'
import {
  date,
  fingerprintOf,
  makeSignature,
  OPENPGP_CONFIG,
  PRIMARY_FLAGS,
  readPackets,
  SIGNATURE,
  type SignatureFields,
  SUBKEY_FLAGS,
  writePackets,
} from './packets.ts'

/** A user's freshly made key with all that the enrollment needs. Every array is binary OpenPGP. */
export interface UserKey {
  /** Lower-case hex. */
  readonly fingerprint: string
  readonly subkeyFingerprint: string
  /** Unix seconds. */
  readonly validFrom: number
  readonly validTo: number
  /** The whole secret key, not protected: primary, User ID, subkey. */
  readonly secretKey: Uint8Array<ArrayBuffer>
  /** The secret encryption subkey alone, not protected: what the archive keeps. */
  readonly secretSubkey: Uint8Array<ArrayBuffer>
  /** The public half, to be certified. */
  readonly certificate: Uint8Array<ArrayBuffer>
  /** A 0x20 with reason 2 (compromised), published when the key has to end so. */
  readonly keyRevocation: Uint8Array<ArrayBuffer>
  /** A 0x28 with reason 0 for the subkey: hard, so that no later binding lifts it. */
  readonly subkeyRevocation: Uint8Array<ArrayBuffer>
}

/** How long a key lives, in seconds from its creation on. */
type Life = Required<Pick<SignatureFields, 'keyExpirationTime'>>

/** What a self-signature says, so that nobody sends what GnuPG 2.2 or Thunderbird cannot open. */
export const PREFERENCES = {
  preferredSymmetricAlgorithms: [openpgp.enums.symmetric.aes256],
  preferredHashAlgorithms: [openpgp.enums.hash.sha512],
  preferredCompressionAlgorithms: [openpgp.enums.compression.uncompressed],
  // Bit 1 alone: SEIPD version 1, no AEAD.
  features: new Uint8Array([0x01]),
} satisfies SignatureFields

/** What a user's self-signature says. */
export function selfSignatureFields(life: Life): SignatureFields {
  return { ...PREFERENCES, ...life, keyFlags: new Uint8Array([PRIMARY_FLAGS]), isPrimaryUserID: true }
}

/** What the binding of the encryption subkey says. */
export function bindingFields(life: Life): SignatureFields {
  return { ...life, keyFlags: new Uint8Array([SUBKEY_FLAGS]) }
}

/**
 * Makes a secret key packet in one of the legacy algorithm ids that every deployed client reads.
 *
 * @param created - Unix seconds.
 */
export async function generateKeyPacket<T extends openpgp.SecretKeyPacket | openpgp.SecretSubkeyPacket>(
  type: new (created: Date) => T,
  curve: 'ed25519Legacy' | 'curve25519Legacy',
  created: number,
): Promise<T> {
  const packet = new type(date(created))
  packet.algorithm = curve === 'ed25519Legacy' ? openpgp.enums.publicKey.eddsaLegacy : openpgp.enums.publicKey.ecdh
  // Run-time API that the types lack.
  const generator = packet as unknown as {
    generate(bits: undefined, curve: string): Promise<void>
    computeFingerprintAndKeyID(): Promise<void>
  }
  await generator.generate(undefined, curve)
  await generator.computeFingerprintAndKeyID()
  return packet
}

/** The public half of a secret key packet. */
export function publicHalf(secret: openpgp.SecretKeyPacket): openpgp.PublicKeyPacket {
  return (
    openpgp.PublicKeyPacket as unknown as { fromSecretKeyPacket(key: openpgp.SecretKeyPacket): openpgp.PublicKeyPacket }
  ).fromSecretKeyPacket(secret)
}

function publicSubkeyHalf(secret: openpgp.SecretSubkeyPacket): openpgp.PublicSubkeyPacket {
  return (
    openpgp.PublicSubkeyPacket as unknown as {
      fromSecretSubkeyPacket(key: openpgp.SecretSubkeyPacket): openpgp.PublicSubkeyPacket
    }
  ).fromSecretSubkeyPacket(secret)
}

/** A User ID packet of exactly these characters. */
export function makeUserIdPacket(userId: string): openpgp.UserIDPacket {
  const packet = new openpgp.UserIDPacket()
  packet.read(utf8(userId))
  return packet
}

/**
 * Makes a user's key: v4 Ed25519 primary and Curve25519 subkey, self-signed for 18 months, with its pre-made
 * revocations (DESIGN: user key; RFC 9580, sections 5.2.1 and 5.5).
 *
 * @param userId - Exactly what the offer says.
 * @param validFrom - Unix seconds; creation of the keys and of every signature.
 */
export async function makeUserKey(userId: string, validFrom: number): Promise<UserKey> {
  const primary = await generateKeyPacket(openpgp.SecretKeyPacket, 'ed25519Legacy', validFrom)
  const subkey = await generateKeyPacket(openpgp.SecretSubkeyPacket, 'curve25519Legacy', validFrom)
  const userID = makeUserIdPacket(userId)
  const validTo = validToOf(validFrom)
  const life = { keyExpirationTime: validTo - validFrom }
  const [named, bound] = [
    { key: primary, userID },
    { key: primary, bind: subkey },
  ]
  const selfSignature = await makeSignature(
    SIGNATURE.certPositive,
    primary,
    named,
    validFrom,
    selfSignatureFields(life),
  )
  const binding = await makeSignature(SIGNATURE.subkeyBinding, primary, bound, validFrom, bindingFields(life))
  const keyRevocation = await makeSignature(SIGNATURE.keyRevocation, primary, { key: primary }, validFrom, {
    reasonForRevocationFlag: openpgp.enums.reasonForRevocation.keyCompromised,
    reasonForRevocationString: '',
  })
  const subkeyRevocation = await makeSignature(SIGNATURE.subkeyRevocation, primary, bound, validFrom, {
    reasonForRevocationFlag: openpgp.enums.reasonForRevocation.noReason,
    reasonForRevocationString: '',
  })
  return {
    fingerprint: fingerprintOf(primary),
    subkeyFingerprint: fingerprintOf(subkey),
    validFrom,
    validTo,
    secretKey: writePackets(primary, userID, selfSignature, subkey, binding),
    secretSubkey: writePackets(subkey),
    certificate: writePackets(publicHalf(primary), userID, selfSignature, publicSubkeyHalf(subkey), binding),
    keyRevocation: writePackets(keyRevocation),
    subkeyRevocation: writePackets(subkeyRevocation),
  }
}

/**
 * Reads the primary of an unprotected secret key.
 *
 * @throws {@link MailsealError} `bad-data`.
 */
export async function readPrimarySecret(secretKey: Uint8Array): Promise<openpgp.SecretKeyPacket> {
  const [primary] = await readPackets(secretKey, 'the secret key')
  if (!(primary instanceof openpgp.SecretKeyPacket)) throw new MailsealError('bad-data', 'this is no secret key')
  return primary
}

/**
 * Reads the primary of an unprotected secret key in which every secret makes its public half: one that does not would
 * pass for the key of its fingerprint.
 *
 * @param secretKey - May come from somebody else.
 * @throws {@link MailsealError} `bad-data`.
 */
export async function readWholeSecretKey(secretKey: Uint8Array): Promise<openpgp.SecretKeyPacket> {
  const packets = await readPackets(secretKey, 'the secret key')
  for (const packet of packets) if (packet instanceof openpgp.SecretKeyPacket) await assertOpenSecret(packet)
  return readPrimarySecret(secretKey)
}

/**
 * Reads a bare secret encryption subkey, as the archive keeps it: exactly one packet, not protected, whose secret makes
 * its public half.
 *
 * @returns The packet, and the fingerprint recomputed from it in lower-case hex.
 * @throws {@link MailsealError} `bad-data`.
 */
export async function readSecretSubkey(
  bytes: Uint8Array,
): Promise<{ subkey: openpgp.SecretSubkeyPacket; fingerprint: string }> {
  const [subkey, ...others] = await readPackets(bytes, 'the secret subkey')
  if (!(subkey instanceof openpgp.SecretSubkeyPacket) || others.length > 0) {
    throw new MailsealError('bad-data', 'this is not one secret subkey')
  }
  await assertOpenSecret(subkey)
  return { subkey, fingerprint: fingerprintOf(subkey) }
}

async function assertOpenSecret(key: openpgp.SecretKeyPacket | openpgp.SecretSubkeyPacket): Promise<void> {
  const what = key instanceof openpgp.SecretSubkeyPacket ? 'subkey' : 'key'
  if (!key.isDecrypted() || key.isDummy()) throw new MailsealError('bad-data', `the ${what} has no open secret`)
  try {
    await key.validate()
  } catch (cause) {
    throw new MailsealError('bad-data', `the secret does not belong to its ${what}`, { cause })
  }
}

/**
 * Fingerprints of the subkeys in a whole secret key, lower-case hex.
 *
 * @throws {@link MailsealError} `bad-data`.
 */
export async function subkeyFingerprints(secretKey: Uint8Array): Promise<string[]> {
  const packets = await readPackets(secretKey, 'the secret key')
  return packets.filter((packet) => packet instanceof openpgp.SecretSubkeyPacket).map(fingerprintOf)
}

/**
 * Encrypts to a certificate's subkey and opens it again with the secret one: a subkey that fails this must not reach
 * the archive.
 *
 * @throws {@link MailsealError} `bad-data` if the two do not belong together.
 */
export async function assertSubkeyWorks(key: UserKey): Promise<void> {
  const probe = utf8('mailseal subkey probe')
  const [encryptionKeys, decryptionKeys] = await Promise.all([
    openpgp.readKey({ binaryKey: key.certificate, config: OPENPGP_CONFIG }),
    openpgp.readPrivateKey({ binaryKey: key.secretKey, config: OPENPGP_CONFIG }),
  ])
  const message = await openpgp.createMessage({ binary: probe })
  const options = { date: date(key.validFrom), config: OPENPGP_CONFIG }
  const sealed = await openpgp.encrypt({ message, encryptionKeys, format: 'binary', ...options })
  const opened = await openpgp.decrypt({
    message: await openpgp.readMessage({ binaryMessage: sealed }),
    decryptionKeys,
    format: 'binary',
    ...options,
  })
  if (!Buffer.from(opened.data).equals(probe)) throw new MailsealError('bad-data', 'the encryption key does not work')
}
