import { createPrivateKey, createPublicKey, hkdfSync, type KeyObject } from 'node:crypto'
import { concat, fromHex, utf8 } from './encoding.ts'
import { type SealingKeyPair, sealingKeyPairOf } from './sealed-channel.ts'

/** The DER of an Ed25519 private key up to its 32 bytes (RFC 8410, section 7). */
const PKCS8_PREFIX = fromHex('302e020100300506032b657004220420', 'prefix')
const SPKI_PREFIX_LENGTH = 12

/** The organization's root: signs authority documents and nothing else. */
export interface Root {
  /** Raw Ed25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array<ArrayBuffer>
  readonly privateKey: KeyObject
}

/** What the administrators' quorum holds, derived from the 32-byte seed that their shares combine to. */
export interface Quorum {
  readonly root: Root
  /** Opens archive entries. */
  readonly archive: SealingKeyPair
}

/** Derives root and archive key pair with HKDF-SHA256, empty salt, one label each (docs/spec/authority.md). */
export function deriveQuorum(seed: Uint8Array): Quorum {
  if (seed.length !== 32) throw new TypeError('a quorum seed has 32 bytes')
  const derive = (output: string) =>
    new Uint8Array(hkdfSync('sha256', seed, new Uint8Array(0), utf8(`mailseal/1 quorum seed ${output}`), 32))
  const der = concat(PKCS8_PREFIX, derive('root'))
  const privateKey = createPrivateKey({ key: Buffer.from(der), format: 'der', type: 'pkcs8' })
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
  return {
    root: { publicKey: new Uint8Array(spki.subarray(SPKI_PREFIX_LENGTH)), privateKey },
    archive: sealingKeyPairOf(derive('archive')),
  }
}
