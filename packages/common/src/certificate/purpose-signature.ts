import * as openpgp from 'openpgp'
import { LIMITS } from '../limits.ts'
import {
  binaryDocument,
  createdAt,
  isValidSignature,
  makeSignature,
  notation,
  readPackets,
  SIGNATURE,
  writePackets,
} from './packets.ts'

const PURPOSE = 'mailseal-purpose@'

/** What a signature may be for. The signed bytes begin with a magic of their own besides. */
export type Purpose = 'revocation-list' | 'request-report' | 'request-renew' | 'request-revoke'

/**
 * Signs bytes for one purpose: the critical notation makes every OpenPGP program refuse it as a signature of a letter.
 *
 * @param domain - The organization's first domain.
 * @param at - Unix seconds.
 * @returns One binary signature packet.
 */
export async function signForPurpose(
  signer: openpgp.SecretKeyPacket,
  options: { purpose: Purpose; domain: string; bytes: Uint8Array; at: number },
): Promise<Uint8Array<ArrayBuffer>> {
  const signature = await makeSignature(SIGNATURE.binary, signer, binaryDocument(options.bytes), options.at, {
    rawNotations: [notation(PURPOSE + options.domain, options.purpose, true)],
  })
  return writePackets(signature)
}

/**
 * Checks what {@link signForPurpose} made.
 *
 * @param signature - Attacker-controlled.
 * @param options.domains - The organization's domains, any of which may name the notation.
 * @returns When it was signed, Unix seconds; null if it is not a right signature for this purpose by this key.
 */
export async function verifyForPurpose(
  signer: openpgp.PublicKeyPacket,
  options: { purpose: Purpose; domains: readonly string[]; bytes: Uint8Array; signature: Uint8Array },
): Promise<number | null> {
  if (options.signature.length > LIMITS.signature) return null
  const packets = await readPackets(options.signature, 'the signature').catch(() => [])
  const [signature] = packets
  if (packets.length !== 1 || !(signature instanceof openpgp.SignaturePacket)) return null
  const names = options.domains.map((domain) => PURPOSE + domain)
  const [purpose] = signature.rawNotations
  if (
    signature.rawNotations.length !== 1 ||
    purpose === undefined ||
    !purpose.critical ||
    !names.includes(purpose.name)
  ) {
    return null
  }
  if (new TextDecoder().decode(purpose.value) !== options.purpose) return null
  const valid = await isValidSignature(signature, SIGNATURE.binary, signer, binaryDocument(options.bytes), names)
  return valid ? createdAt(signature) : null
}
