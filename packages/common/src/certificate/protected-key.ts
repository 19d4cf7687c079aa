import * as openpgp from 'openpgp'
import { concat, toHex } from '../encoding.ts'
import { MailsealError } from '../errors.ts'
import { type Certificate, parseCertificate } from './certificate.ts'
import {
  createdAt,
  fingerprintOf,
  makeSignature,
  OPENPGP_CONFIG,
  readPackets,
  SIGNATURE,
  SUBKEY_FLAGS,
  seconds,
  writePackets,
} from './packets.ts'
import { readSecretSubkey } from './user-key.ts'

/** Iterated and salted, at the highest count, and no AEAD: what GnuPG 2.2, sq, RNP and PGPainless import. */
const CONFIG: openpgp.Config = {
  ...OPENPGP_CONFIG,
  s2kType: openpgp.enums.s2k.iterated,
  s2kIterationCountByte: 255,
  aeadProtect: false,
}

/** A secret key as it is to be taken into another OpenPGP program. Every array is binary. */
export interface ExportableKey {
  /** The whole secret key, unprotected. */
  readonly secretKey: Uint8Array
  /** The newest public copy of it, whose signatures are added; null if there is none. */
  readonly certificate: Uint8Array | null
  /** Bare secret subkeys of keys before it. */
  readonly recovered: readonly Uint8Array[]
  /** When a newer key took its place, Unix seconds; null for the current one. */
  readonly supersededAt: number | null
}

/** A packet with the signatures behind it. */
interface Part {
  readonly head: openpgp.AnyPacket
  readonly signatures: openpgp.SignaturePacket[]
}

/**
 * Protects every secret of a key with a password, for other OpenPGP programs (RFC 9580, sections 3.7.1.3 and 10.2).
 *
 * Recovered subkeys are bound under the primary with their own creation time, so that key ids stay and old mail opens,
 * and then revoked as superseded, as the subkey of a key that is not current any more: no new mail goes to them. What
 * others published of the end of a subkey's use is left out: PGPainless would open nothing with it.
 *
 * @param password - NFC.
 * @returns One transferable secret key, binary.
 * @throws {@link MailsealError} `bad-data`.
 */
export async function protectSecretKey(key: ExportableKey, password: string): Promise<Uint8Array<ArrayBuffer>> {
  const parts = partsOf(await readPackets(key.secretKey, 'the secret key'))
  const primary = parts[0]?.head
  if (!(primary instanceof openpgp.SecretKeyPacket)) throw new MailsealError('bad-data', 'this is no secret key')
  if (key.certificate !== null) addSignatures(parts, await parseCertificate(key.certificate))
  if (key.supersededAt !== null) await supersedeSubkeys(primary, parts, key.supersededAt)
  for (const recovered of key.recovered) parts.push(await bindSuperseded(primary, recovered))
  for (const { head } of parts) if (head instanceof openpgp.SecretKeyPacket) await head.encrypt(password, CONFIG)
  return concat(...parts.map(({ head, signatures }) => writePackets(head, ...signatures)))
}

/** Binary keys one behind the other in one armor; with its checksum, without which GnuPG 2.2 complains. */
export function armorKeys(kind: 'public' | 'private', keys: readonly Uint8Array[]): string {
  const { publicKey, privateKey } = openpgp.enums.armor
  const type = kind === 'public' ? publicKey : privateKey
  return openpgp.armor(type, concat(...keys), undefined, undefined, undefined, true, OPENPGP_CONFIG)
}

function partsOf(packets: readonly openpgp.AnyPacket[]): Part[] {
  const parts: Part[] = []
  for (const packet of packets) {
    if (!(packet instanceof openpgp.SignaturePacket)) parts.push({ head: packet, signatures: [] })
    else parts.at(-1)?.signatures.push(packet)
  }
  return parts
}

function addSignatures(parts: readonly Part[], certificate: Certificate): void {
  const bindings = certificate.subkeySignatures.filter((one) => one.signatureType === SIGNATURE.subkeyBinding)
  const userId = toHex(certificate.userIdPacket.write())
  for (const part of parts) {
    const { head } = part
    if (head instanceof openpgp.SecretSubkeyPacket) {
      if (fingerprintOf(head) === certificate.subkeyFingerprint) addMissing(part, bindings)
    } else if (head instanceof openpgp.SecretKeyPacket) {
      addMissing(part, certificate.primarySignatures)
    } else if (head instanceof openpgp.UserIDPacket && toHex(head.write()) === userId) {
      addMissing(part, certificate.userIdSignatures)
    }
  }
}

function addMissing({ signatures }: Part, more: readonly openpgp.SignaturePacket[]): void {
  const held = new Set(signatures.map((signature) => toHex(writePackets(signature))))
  signatures.push(...more.filter((signature) => !held.has(toHex(writePackets(signature)))))
}

/** Without this, GnuPG may choose the old one of two keys for an address. */
async function supersedeSubkeys(primary: openpgp.SecretKeyPacket, parts: readonly Part[], at: number): Promise<void> {
  for (const { head, signatures } of parts) {
    if (!(head instanceof openpgp.SecretSubkeyPacket)) continue
    const bound = Math.max(...signatures.map(createdAt))
    signatures.push(await revokeSuperseded(primary, head, Math.max(at, bound + 1)))
  }
}

async function bindSuperseded(primary: openpgp.SecretKeyPacket, recovered: Uint8Array): Promise<Part> {
  const { subkey } = await readSecretSubkey(recovered)
  const data = { key: primary, bind: subkey }
  const at = Math.max(seconds(primary.created), seconds(subkey.created))
  const binding = await makeSignature(SIGNATURE.subkeyBinding, primary, data, at, {
    keyFlags: new Uint8Array([SUBKEY_FLAGS]),
  })
  // A second later: what has the binding's own time does not undo it everywhere.
  return { head: subkey, signatures: [binding, await revokeSuperseded(primary, subkey, at + 1)] }
}

function revokeSuperseded(primary: openpgp.SecretKeyPacket, subkey: openpgp.SecretSubkeyPacket, at: number) {
  return makeSignature(SIGNATURE.subkeyRevocation, primary, { key: primary, bind: subkey }, at, {
    reasonForRevocationFlag: openpgp.enums.reasonForRevocation.keySuperseded,
    reasonForRevocationString: '',
  })
}
