import { createPublicKey, diffieHellman, generateKeyPairSync, type KeyObject } from 'node:crypto'
import * as openpgp from 'openpgp'
import { concat, equalBytes, fromHex } from '../encoding.ts'
import { MailsealError } from '../errors.ts'
import { type Certificate, parseCertificate } from './certificate.ts'
import { validToOf } from './dates.ts'
import {
  date,
  ECDH,
  ED25519_LEGACY,
  isValidSignature,
  readPackets,
  SIGNATURE,
  type SignatureFields,
  type SignedData,
  seconds,
} from './packets.ts'
import { bindingFields, selfSignatureFields } from './user-key.ts'

/** The DER of an X25519 public key up to its 32 bytes (RFC 8410, section 4). */
const X25519_SPKI_PREFIX = fromHex('302a300506032b656e032100', 'prefix')
/** What stands before a point in its native form (RFC 9580, section 11.2.1). */
const NATIVE_POINT = 0x40
const POINT_LENGTH = 32
/** Whose secret with a point tells whether that is usable; which key it is does not matter. */
let probe: KeyObject | null = null

/** A certificate of exactly the shape that the CA certifies. */
export interface EnrollableCertificate extends Certificate {
  /** Unix seconds: creation of both keys and both signatures. */
  readonly validFrom: number
  readonly validTo: number
}

/**
 * Accepts exactly what {@link makeUserKey} makes for this User ID, and nothing that merely resembles it: the hashed area
 * of every signature has to be byte for byte the one we would write, the unhashed area has to be empty.
 *
 * @param bytes - Binary, attacker-controlled.
 * @throws {@link MailsealError} `bad-data`, naming what differs.
 */
export async function asEnrollableCertificate(bytes: Uint8Array, userId: string): Promise<EnrollableCertificate> {
  const certificate = await parseCertificate(bytes)
  const { primary, subkey, userIdPacket } = certificate
  const validFrom = seconds(primary.created)
  const validTo = validToOf(validFrom)
  const life = { keyExpirationTime: validTo - validFrom }
  if (certificate.userId !== userId) throw refused('its user id is not the one of the offer')
  if (
    primary.version !== 4 ||
    primary.algorithm !== ED25519_LEGACY ||
    primary.getAlgorithmInfo().curve !== 'ed25519Legacy'
  ) {
    throw refused('its primary key is not a v4 Ed25519 key')
  }
  if (subkey.version !== 4 || subkey.algorithm !== ECDH || subkey.getAlgorithmInfo().curve !== 'curve25519Legacy') {
    throw refused('its subkey is not a v4 Curve25519 key')
  }
  const { Q: point, kdfParams } = subkey.publicParams as {
    Q: Uint8Array
    kdfParams: { hash: number; cipher: number }
  }
  if (!isUsablePoint(point)) throw refused('nothing can be encrypted to its subkey')
  if (kdfParams.hash !== openpgp.enums.hash.sha256 || kdfParams.cipher !== openpgp.enums.symmetric.aes128) {
    throw refused('its subkey derives keys in another way')
  }
  if (seconds(subkey.created) !== validFrom) throw refused('its subkey was made at another time')
  if (certificate.primarySignatures.length > 0) throw refused('it has a signature on the key itself')
  await assertOnly(certificate.userIdSignatures, 'self-signature', SIGNATURE.certPositive, primary, validFrom, {
    data: { key: primary, userID: userIdPacket },
    fields: selfSignatureFields(life),
  })
  await assertOnly(certificate.subkeySignatures, 'subkey binding', SIGNATURE.subkeyBinding, primary, validFrom, {
    data: { key: primary, bind: subkey },
    fields: bindingFields(life),
  })
  return { ...certificate, validFrom, validTo }
}

/**
 * Whether X25519 with this point gives a secret. OpenPGP.js takes a point of any length and prefix, and those of small
 * order make the secret one that everybody knows: Node refuses them.
 */
function isUsablePoint(point: Uint8Array): boolean {
  if (point[0] !== NATIVE_POINT || point.length !== 1 + POINT_LENGTH) return false
  const der = Buffer.from(concat(X25519_SPKI_PREFIX, point.subarray(1)))
  probe ??= generateKeyPairSync('x25519').privateKey
  try {
    diffieHellman({ privateKey: probe, publicKey: createPublicKey({ key: der, format: 'der', type: 'spki' }) })
    return true
  } catch {
    return false
  }
}

/** The two pre-made revocations that come with an enrollment, each one binary signature packet. */
export interface PremadeRevocations {
  readonly keyRevocation: Uint8Array
  readonly subkeyRevocation: Uint8Array
}

/**
 * Accepts exactly the revocations that {@link makeUserKey} makes for this certificate.
 *
 * @throws {@link MailsealError} `bad-data`, naming what differs.
 */
export async function assertPremadeRevocations(
  certificate: EnrollableCertificate,
  revocations: PremadeRevocations,
): Promise<void> {
  const { primary, subkey, validFrom } = certificate
  const reason = openpgp.enums.reasonForRevocation
  const key = await readPackets(revocations.keyRevocation, 'the key revocation')
  await assertOnly(key, 'key revocation', SIGNATURE.keyRevocation, primary, validFrom, {
    data: { key: primary },
    fields: { reasonForRevocationFlag: reason.keyCompromised, reasonForRevocationString: '' },
  })
  const binding = await readPackets(revocations.subkeyRevocation, 'the subkey revocation')
  await assertOnly(binding, 'subkey revocation', SIGNATURE.subkeyRevocation, primary, validFrom, {
    data: { key: primary, bind: subkey },
    fields: { reasonForRevocationFlag: reason.noReason, reasonForRevocationString: '' },
  })
}

/**
 * Accepts one signature whose hashed area is byte for byte the one we would write and whose unhashed area is empty.
 *
 * @throws {@link MailsealError} `bad-data`, naming what differs.
 */
export async function assertOnly(
  packets: readonly openpgp.AnyPacket[],
  label: string,
  type: openpgp.enums.signature,
  signer: openpgp.PublicKeyPacket,
  at: number,
  expected: { data: SignedData; fields: SignatureFields },
): Promise<void> {
  const [signature] = packets
  if (packets.length !== 1 || !(signature instanceof openpgp.SignaturePacket)) {
    throw refused(`it has not exactly one ${label}`)
  }
  const hashedArea = signature.signatureData
  if (signature.unhashedSubpackets.length > 0) throw refused(`its ${label} has an unhashed area`)
  if (hashedArea === null || !equalBytes(hashedArea, hashedAreaOf(type, signer, at, expected.fields))) {
    throw refused(`its ${label} says something else than it has to`)
  }
  if (!(await isValidSignature(signature, type, signer, expected.data))) throw refused(`its ${label} is wrong`)
}

/** Version, type, algorithms and hashed area of the signature that {@link makeSignature} would make. */
function hashedAreaOf(
  type: openpgp.enums.signature,
  signer: openpgp.PublicKeyPacket,
  at: number,
  fields: SignatureFields,
): Uint8Array {
  const signature = new openpgp.SignaturePacket()
  Object.assign(signature, fields, {
    version: 4,
    created: date(at),
    issuerKeyVersion: signer.version,
    issuerFingerprint: signer.getFingerprintBytes(),
    issuerKeyID: signer.getKeyID(),
  })
  if (fields.keyExpirationTime !== undefined) signature.keyNeverExpires = false
  const hashed = (signature as unknown as { writeHashedSubPackets(): Uint8Array }).writeHashedSubPackets()
  return new Uint8Array([4, type, signer.algorithm, openpgp.enums.hash.sha512, ...hashed])
}

function refused(why: string): MailsealError {
  return new MailsealError('bad-data', `the certificate is not as it has to be: ${why}`)
}
