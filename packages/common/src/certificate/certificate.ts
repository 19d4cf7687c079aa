import * as openpgp from 'openpgp'
import { MailsealError } from '../errors.ts'
import { LIMITS } from '../limits.ts'
import { fingerprintOf, readPackets, userIdText } from './packets.ts'

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

function unusable(): MailsealError {
  return new MailsealError('bad-data', 'the certificate is not one primary key, one user id and one subkey')
}
