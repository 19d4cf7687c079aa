import { systemClock, systemRandom, toHex, utf8 } from '@mailseal/common'
import {
  encryptionKeyOf,
  MICALG,
  readMessageSignatures,
  readPrimarySecret,
  sealMessage,
  signMessage,
} from '@mailseal/common/certificate'
import { parseMime } from '@mailseal/common/mime'
import { canonicalText, composeEncrypted, composeSigned, readEncrypted, readSigned } from '@mailseal/common/pgp-mime'
import { literalOf, onePassOf } from '../../packages/common/src/certificate/message-packets.ts'
import { writePackets } from '../../packages/common/src/certificate/packets.ts'
import type { PreparedEnrollment } from './enrollments.ts'

const LETTER_SIZE = 10_000
const LINE = 'The quick brown fox jumps over the lazy dog, and nobody minds at all.\r\n'

/** A message of 10 KB; no two are alike. */
export function letter(from: string, to: readonly string[]): Uint8Array<ArrayBuffer> {
  const header = `From: ${from}\r\nTo: ${to.join(',\r\n ')}\r\nSubject: ${toHex(systemRandom(8))}\r\n\r\n`
  return utf8(header + LINE.repeat(Math.ceil(LETTER_SIZE / LINE.length)))
}

/** One and the same secured letter in two forms. */
export interface Letter {
  /** PGP/MIME. */
  readonly message: Uint8Array
  /** The OpenPGP message that gpg takes, of the same packets. */
  readonly packets: Uint8Array
}

/** A letter as its sender's agent signs it. */
export async function signedLetter({ address, key }: PreparedEnrollment): Promise<Letter> {
  const [now, primary] = [systemClock.now(), await readPrimarySecret(key.secretKey)]
  const sign = (bytes: Uint8Array) => signMessage(primary, bytes, now)
  const plain = letter(address, ['bob@example.org'])
  const message = await composeSigned({ message: plain, micalg: MICALG, random: systemRandom, sign })
  const signed = readSigned(parseMime(message))
  const [signature] = signed === null ? [] : await readMessageSignatures(signed.signature)
  if (signed === null || signature === undefined) throw new TypeError('the letter is not signed')
  // gpg takes many files only where the signature stands in the message.
  const content = literalOf(canonicalText(signed.signedBytes), now)
  return { message, packets: writePackets(onePassOf(signature), content, signature) }
}

/** A letter as its sender's agent signs it and encrypts it to the owners of these certificates. */
export async function sealedLetter(
  { address, key }: PreparedEnrollment,
  certificates: readonly Uint8Array[],
): Promise<Letter> {
  const at = systemClock.now()
  const signer = await readPrimarySecret(key.secretKey)
  const found = await Promise.all(certificates.map((certificate) => encryptionKeyOf(certificate, at)))
  const recipients = found.filter((recipient) => recipient !== null)
  const seal = (bytes: Uint8Array) => sealMessage(bytes, { recipients, signer, at, random: systemRandom })
  const message = await composeEncrypted({ message: letter(address, ['bob@example.org']), seal, random: systemRandom })
  const encrypted = readEncrypted(parseMime(message))
  if (encrypted === null) throw new TypeError('the letter is not encrypted')
  return { message, packets: encrypted.sealed }
}
