import { createPrivateKey, createPublicKey, type webcrypto } from 'node:crypto'
import { concat, fromHex, sha256, utf8 } from '@mailseal/common'

type KeyName = 'Ed25519' | 'X25519'

/** The DER of a private key up to its 32 bytes (RFC 8410, section 7). */
const PKCS8_PREFIXES = new Map<string, Uint8Array>([
  ['Ed25519', fromHex('302e020100300506032b657004220420', 'prefix')],
  ['X25519', fromHex('302e020100300506032b656e04220420', 'prefix')],
])
const PUBLIC_KEY_LENGTH = 32

/**
 * Does work with all randomness of WebCrypto drawn from one seed, so that what it makes is the same each time. The
 * libraries take no randomness from outside: they are given a platform whose dice are loaded.
 *
 * The stream is SHA-256(seed || 0) || SHA-256(seed || 1) and so on, counted in 32 bits; random bytes are its next bytes,
 * and a new key pair is the one whose private key is its next 32.
 *
 * @param seed - Any text. Work under one seed must not run beside other work.
 */
export async function withRandomness<T>(seed: string, work: () => Promise<T>): Promise<T> {
  const next = streamOf(utf8(seed))
  const getRandomValues = <V extends NodeJS.ArrayBufferView>(view: V): V => {
    new Uint8Array(view.buffer, view.byteOffset, view.byteLength).set(next(view.byteLength))
    return view
  }
  const generateKey = (algorithm: KeyName | { name: KeyName }, extractable: boolean, usages: webcrypto.KeyUsage[]) =>
    keyPairOf(typeof algorithm === 'string' ? algorithm : algorithm.name, next(32), extractable, usages)
  const restore = [
    replace(crypto, 'getRandomValues', getRandomValues),
    replace(crypto.subtle, 'generateKey', generateKey),
  ]
  try {
    return await work()
  } finally {
    for (const back of restore) back()
  }
}

function streamOf(seed: Uint8Array): (length: number) => Uint8Array<ArrayBuffer> {
  let block = 0
  let rest = new Uint8Array()
  return (length) => {
    while (rest.length < length) {
      const counter = new Uint8Array(4)
      new DataView(counter.buffer).setUint32(0, block++)
      rest = concat(rest, sha256(seed, counter))
    }
    const taken = rest.slice(0, length)
    rest = rest.slice(length)
    return taken
  }
}

/** Hides a method of an object that inherits it, until the returned function is called. */
function replace(object: object, name: string, value: unknown): () => void {
  if (Object.hasOwn(object, name)) throw new TypeError('the randomness is fixed already')
  Object.defineProperty(object, name, { value, configurable: true })
  return () => {
    Reflect.deleteProperty(object, name)
  }
}

async function keyPairOf(
  name: KeyName,
  secret: Uint8Array,
  extractable: boolean,
  usages: webcrypto.KeyUsage[],
): Promise<webcrypto.CryptoKeyPair> {
  const prefix = PKCS8_PREFIXES.get(name)
  if (prefix === undefined) throw new TypeError(`no fixed randomness for ${name}`)
  const der = Buffer.from(concat(prefix, secret))
  const spki = createPublicKey(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })).export({
    format: 'der',
    type: 'spki',
  })
  const raw = new Uint8Array(spki.subarray(-PUBLIC_KEY_LENGTH))
  const privateUsages = usages.filter((usage) => usage !== 'verify')
  const publicUsages = usages.filter((usage) => usage === 'verify')
  return {
    privateKey: await crypto.subtle.importKey('pkcs8', der, name, extractable, privateUsages),
    publicKey: await crypto.subtle.importKey('raw', raw, name, true, publicUsages),
  }
}
