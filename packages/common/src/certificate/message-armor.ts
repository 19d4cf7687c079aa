import * as openpgp from 'openpgp'
import { MailsealError } from '../errors.ts'
import { OPENPGP_CONFIG } from './packets.ts'

/**
 * ASCII armor with its checksum: without one, GnuPG 2.2 and RNP read past the end of base64 that needs no padding.
 *
 * @see RFC 9580, section 6.
 */
export function armored(type: openpgp.enums.armor, binary: Uint8Array): string {
  return openpgp.armor(type, binary, undefined, undefined, undefined, true, OPENPGP_CONFIG)
}

/**
 * What is in an armor of this type; bytes that are none are taken as binary already.
 *
 * @param bytes - Attacker-controlled; the caller has bounded their length.
 * @throws if it is no such armor.
 */
export async function unarmored(bytes: Uint8Array, type: openpgp.enums.armor): Promise<Uint8Array<ArrayBuffer>> {
  // The first bit of every OpenPGP packet is set, and no ASCII character's is.
  if ((bytes[0] ?? 0) & 0x80) return new Uint8Array(bytes)
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
  const armor = await openpgp.unarmor(text, OPENPGP_CONFIG)
  if (armor.type !== type) throw new MailsealError('bad-data', 'this armor holds something else')
  return new Uint8Array(await new Response(armor.data as ReadableStream<Uint8Array<ArrayBuffer>>).arrayBuffer())
}
