import * as openpgp from 'openpgp'
import { MailsealError } from '../errors.ts'
import { LIMITS } from '../limits.ts'
import { armored, unarmored } from './message-armor.ts'
import { binaryDocument, isValidSignature, makeSignature, OPENPGP_CONFIG, SIGNATURE, writePackets } from './packets.ts'

/** Hash of our signatures as the `micalg` parameter names it (RFC 3156, section 5). */
export const MICALG = 'pgp-sha512'

/**
 * Signs the bytes of a letter.
 *
 * @param bytes - As they will be sent, line ends CRLF.
 * @param at - Unix seconds.
 * @returns ASCII armor.
 */
export async function signMessage(primary: openpgp.SecretKeyPacket, bytes: Uint8Array, at: number): Promise<string> {
  const signature = await makeSignature(SIGNATURE.binary, primary, binaryDocument(bytes), at)
  return armored(openpgp.enums.armor.signature, writePackets(signature))
}

/**
 * Reads the signature packets of a detached signature, armored or binary. Packets that cannot be read are passed over,
 * as RFC 9580, section 5.2.5 demands.
 *
 * @param signature - Attacker-controlled.
 * @returns At most `LIMITS.messageSignatures`; none if there is nothing to read.
 * @throws {@link MailsealError} `too-large`.
 */
export async function readMessageSignatures(signature: Uint8Array): Promise<openpgp.SignaturePacket[]> {
  if (signature.length > LIMITS.messageSignatures * LIMITS.signature) {
    throw new MailsealError('too-large', 'the signature is too large')
  }
  try {
    const binary = await unarmored(signature, openpgp.enums.armor.signature)
    const read = openpgp.PacketList.fromBinary as unknown as (
      bytes: Uint8Array,
      allowed: object,
      config: openpgp.Config,
    ) => Promise<openpgp.AnyPacket[]>
    const config = { ...OPENPGP_CONFIG, ignoreMalformedPackets: true }
    const packets = await read(binary, { [openpgp.SignaturePacket.tag]: openpgp.SignaturePacket }, config)
    return packets.filter((packet) => packet instanceof openpgp.SignaturePacket).slice(0, LIMITS.messageSignatures)
  } catch {
    return []
  }
}

/**
 * Whether a letter's signature is cryptographically right for these bytes, of a kind that letters have. Its dates are not
 * looked at, an expiry of its own included.
 *
 * @param signedBytes - Line ends CRLF.
 */
export async function verifyMessageSignature(
  signature: openpgp.SignaturePacket,
  key: openpgp.AnyKeyPacket,
  signedBytes: Uint8Array,
): Promise<boolean> {
  const type = signature.signatureType
  if (type !== SIGNATURE.binary && type !== SIGNATURE.text) return false
  return isValidSignature(signature, type, key, binaryDocument(signedBytes))
}
