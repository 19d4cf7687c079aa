import * as openpgp from 'openpgp'
import { MailsealError } from '../errors.ts'
import { SPANS } from '../limits.ts'
import { fingerprintOf, makeSignature, PRIMARY_FLAGS, readPackets, SIGNATURE, writePackets } from './packets.ts'
import { generateKeyPacket, makeUserIdPacket, PREFERENCES, publicHalf } from './user-key.ts'

/** The organization's CA as made once. */
export interface AuthorityKey {
  /** Lower-case hex. */
  readonly fingerprint: string
  /** Binary, not protected: the KM server seals it at rest. */
  readonly secretKey: Uint8Array<ArrayBuffer>
  readonly certificate: Uint8Array<ArrayBuffer>
}

/**
 * Makes the CA: v4 Ed25519, flags 0x03, no subkey, no expiry, created 24 hours ago.
 *
 * @param now - Unix seconds.
 */
export async function makeAuthorityKey(userId: string, now: number): Promise<AuthorityKey> {
  const created = now - SPANS.caCreationLead
  const primary = await generateKeyPacket(openpgp.SecretKeyPacket, 'ed25519Legacy', created)
  const userID = makeUserIdPacket(userId)
  const selfSignature = await makeSignature(SIGNATURE.certPositive, primary, { key: primary, userID }, created, {
    ...PREFERENCES,
    keyFlags: new Uint8Array([PRIMARY_FLAGS]),
    isPrimaryUserID: true,
  })
  return {
    fingerprint: fingerprintOf(primary),
    secretKey: writePackets(primary, userID, selfSignature),
    certificate: writePackets(publicHalf(primary), userID, selfSignature),
  }
}

/**
 * The public key of a CA certificate from an authority document, whose root has vouched for every byte of it.
 *
 * @throws {@link MailsealError} `bad-data`.
 */
export async function readAuthorityKey(certificate: Uint8Array): Promise<openpgp.PublicKeyPacket> {
  const [primary] = await readPackets(certificate, 'the CA certificate')
  if (!(primary instanceof openpgp.PublicKeyPacket)) throw new MailsealError('bad-data', 'the CA certificate is no key')
  return primary
}
