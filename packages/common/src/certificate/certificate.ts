import * as openpgp from 'openpgp'
import { concat, toHex } from '../encoding.ts'
import { MailsealError } from '../errors.ts'
import { LIMITS } from '../limits.ts'
import { fingerprintOf, readPackets, userIdText, writePackets } from './packets.ts'

/**
 * A user's OpenPGP certificate, taken apart: one primary key, one User ID, one encryption subkey, and the signatures
 * behind each. Nothing is verified yet.
 */
export interface Certificate {
  readonly bytes: Uint8Array
  readonly primary: openpgp.PublicKeyPacket
  /** Lower-case hex, 40 digits. */
  readonly fingerprint: string
  readonly primarySignatures: readonly openpgp.SignaturePacket[]
  readonly userId: string
  readonly userIdPacket: openpgp.UserIDPacket
  readonly userIdSignatures: readonly openpgp.SignaturePacket[]
  readonly subkey: openpgp.PublicSubkeyPacket
  readonly subkeyFingerprint: string
  readonly subkeySignatures: readonly openpgp.SignaturePacket[]
}

/**
 * Takes the certificate of a mailbox apart.
 *
 * @param bytes - Binary, attacker-controlled.
 * @throws {@link MailsealError} `bad-data` for anything but one primary, one User ID and one subkey in this order.
 */
export async function parseCertificate(bytes: Uint8Array): Promise<Certificate> {
  if (bytes.length > LIMITS.certificate) throw new MailsealError('too-large', 'the certificate is too large')
  const packets = await readPackets(bytes, 'the certificate')
  const take = <T extends openpgp.AnyPacket>(type: new () => T): T => {
    const packet = packets.shift()
    if (!(packet instanceof type)) throw unusable()
    return packet
  }
  const takeSignatures = (): openpgp.SignaturePacket[] => {
    const end = packets.findIndex((packet) => !(packet instanceof openpgp.SignaturePacket))
    const signatures = packets.splice(0, end < 0 ? packets.length : end) as openpgp.SignaturePacket[]
    if (signatures.length > LIMITS.certificateSignatures) throw unusable()
    return signatures
  }
  const primary = take(openpgp.PublicKeyPacket)
  const primarySignatures = takeSignatures()
  const userIdPacket = take(openpgp.UserIDPacket)
  const userIdSignatures = takeSignatures()
  const subkey = take(openpgp.PublicSubkeyPacket)
  const subkeySignatures = takeSignatures()
  if (packets.length > 0) throw unusable()
  return {
    bytes,
    primary,
    fingerprint: fingerprintOf(primary),
    primarySignatures,
    userId: userIdText(userIdPacket),
    userIdPacket,
    userIdSignatures,
    subkey,
    subkeyFingerprint: fingerprintOf(subkey),
    subkeySignatures,
  }
}

/** The parts of a certificate that {@link writeCertificate} sets one behind the other. */
export type CertificateParts = Pick<
  Certificate,
  'primary' | 'primarySignatures' | 'userIdPacket' | 'userIdSignatures' | 'subkey' | 'subkeySignatures'
>

/** A certificate's bytes, each part followed by its signatures. */
export function writeCertificate(parts: CertificateParts): Uint8Array<ArrayBuffer> {
  const { primary, primarySignatures, userIdPacket, userIdSignatures, subkey, subkeySignatures } = parts
  return concat(
    writePackets(primary, ...primarySignatures, userIdPacket, ...userIdSignatures),
    writePackets(subkey, ...subkeySignatures),
  )
}

/**
 * All signatures of two copies of one certificate, each once: neither a renewal nor a revocation is lost by keeping the
 * result, whichever copy is newer.
 *
 * @throws {@link MailsealError} `bad-data` if they are not of the same keys and User ID.
 */
export async function mergeCertificates(one: Uint8Array, other: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const [first, second] = await Promise.all([parseCertificate(one), parseCertificate(other)])
  const isSame =
    first.fingerprint === second.fingerprint &&
    first.subkeyFingerprint === second.subkeyFingerprint &&
    first.userId === second.userId
  if (!isSame) throw new MailsealError('bad-data', 'these are not two copies of one certificate')
  return writeCertificate({
    ...first,
    primarySignatures: united(first.primarySignatures, second.primarySignatures),
    userIdSignatures: united(first.userIdSignatures, second.userIdSignatures),
    subkeySignatures: united(first.subkeySignatures, second.subkeySignatures),
  })
}

function united(
  held: readonly openpgp.SignaturePacket[],
  more: readonly openpgp.SignaturePacket[],
): openpgp.SignaturePacket[] {
  const known = new Map([...held, ...more].map((signature) => [toHex(writePackets(signature)), signature]))
  return [...known.values()]
}

function unusable(): MailsealError {
  return new MailsealError('bad-data', 'the certificate is not one primary key, one user id and one subkey')
}
