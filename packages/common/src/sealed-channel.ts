import { createCipheriv, createDecipheriv, createPrivateKey, createPublicKey, type webcrypto } from 'node:crypto'
import { AEAD_AES_256_GCM, CipherSuite, KDF_HKDF_SHA256, KEM_DHKEM_X25519_HKDF_SHA256 } from 'hpke'
import { concat, equalBytes, fromHex, utf8 } from './encoding.ts'
import { MailsealError } from './errors.ts'

/**
 * The one HPKE suite of format version 1 (RFC 9180): DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.
 * There is no negotiation; another suite will be another version.
 */
const suite = new CipherSuite(KEM_DHKEM_X25519_HKDF_SHA256, KDF_HKDF_SHA256, AEAD_AES_256_GCM)
const FORMAT_VERSION = 1
const ENCAPSULATED_LENGTH = 32
const TAG_LENGTH = 16
const PUBLIC_KEY_LENGTH = 32
/** The DER of an X25519 private key up to its 32 bytes (RFC 8410, section 7). */
const X25519_PKCS8_PREFIX = fromHex('302e020100300506032b656e04220420', 'prefix')

/** Raw X25519 keys, 32 bytes each. */
export interface SealingKeyPair {
  readonly publicKey: Uint8Array<ArrayBuffer>
  readonly privateKey: Uint8Array<ArrayBuffer>
}

/** The kinds of sealed objects; each begins with its own eight letters. */
export type SealedKind = 'MSEALREQ' | 'MSEALREP' | 'MSEALARC' | 'MSEALSHR' | 'MSEALSUS'

/** Magic, version and the ids of KEM, KDF and AEAD: 16 bytes before every sealed object. */
function headerOf(kind: SealedKind): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(16)
  header.set(utf8(kind))
  const view = new DataView(header.buffer)
  view.setUint16(8, FORMAT_VERSION)
  view.setUint16(10, suite.KEM.id)
  view.setUint16(12, suite.KDF.id)
  view.setUint16(14, suite.AEAD.id)
  return header
}

function asOurs(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes)
}

async function exported(pair: {
  publicKey: webcrypto.CryptoKey
  privateKey: webcrypto.CryptoKey
}): Promise<SealingKeyPair> {
  return {
    publicKey: asOurs(await suite.SerializePublicKey(pair.publicKey)),
    privateKey: asOurs(await suite.SerializePrivateKey(pair.privateKey)),
  }
}

/** Makes a key pair to seal to. */
export async function generateSealingKeyPair(): Promise<SealingKeyPair> {
  return exported(await suite.GenerateKeyPair(true))
}

/** The X25519 key pair whose private key is these 32 secret bytes (RFC 7748, section 5). */
export function sealingKeyPairOf(secret: Uint8Array<ArrayBuffer>): SealingKeyPair {
  const der = Buffer.from(concat(X25519_PKCS8_PREFIX, secret))
  const publicKey = createPublicKey(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }))
  const spki = publicKey.export({ format: 'der', type: 'spki' })
  return { publicKey: new Uint8Array(spki.subarray(-PUBLIC_KEY_LENGTH)), privateKey: secret }
}

async function publicKeyOf(raw: Uint8Array): Promise<webcrypto.CryptoKey> {
  try {
    return await suite.DeserializePublicKey(raw)
  } catch (cause) {
    throw new MailsealError('bad-data', 'a public key is damaged', { cause })
  }
}

async function keyPairOf(pair: SealingKeyPair) {
  return {
    privateKey: await suite.DeserializePrivateKey(pair.privateKey),
    publicKey: await suite.DeserializePublicKey(pair.publicKey),
  }
}

/**
 * Seals bytes to a public key, HPKE base mode: header, encapsulated key, ciphertext.
 *
 * @param info - Binds the purpose: nothing opens under another `info`.
 * @param aad - Bound besides the header.
 */
export async function sealTo(
  publicKey: Uint8Array,
  options: { kind: SealedKind; info: Uint8Array; aad?: Uint8Array; plaintext: Uint8Array },
): Promise<Uint8Array<ArrayBuffer>> {
  const header = headerOf(options.kind)
  const { encapsulatedSecret, ciphertext } = await suite.Seal(await publicKeyOf(publicKey), options.plaintext, {
    info: options.info,
    aad: concat(header, options.aad ?? new Uint8Array()),
  })
  return concat(header, encapsulatedSecret, ciphertext)
}

/**
 * Opens what {@link sealTo} made.
 *
 * @throws {@link MailsealError} `cannot-decrypt`, one text for every cause.
 */
export async function openSealed(
  keyPair: SealingKeyPair,
  options: { kind: SealedKind; info: Uint8Array; aad?: Uint8Array; sealed: Uint8Array },
): Promise<Uint8Array<ArrayBuffer>> {
  const header = assertHeader(options.sealed, options.kind)
  const body = options.sealed.subarray(header.length)
  try {
    const plaintext = await suite.Open(
      await keyPairOf(keyPair),
      body.subarray(0, ENCAPSULATED_LENGTH),
      body.subarray(ENCAPSULATED_LENGTH),
      { info: options.info, aad: concat(header, options.aad ?? new Uint8Array()) },
    )
    return asOurs(plaintext)
  } catch (cause) {
    throw cannotOpen(cause)
  }
}

/**
 * Refuses bytes that are no sealed object of this kind, version and suite.
 *
 * @throws {@link MailsealError} `bad-data`.
 */
export function assertHeader(sealed: Uint8Array, kind: SealedKind): Uint8Array<ArrayBuffer> {
  const header = headerOf(kind)
  const enough = sealed.length >= header.length + ENCAPSULATED_LENGTH + TAG_LENGTH
  if (!enough || !equalBytes(sealed.subarray(0, header.length), header)) {
    throw new MailsealError('bad-data', `this is no sealed object of the kind ${kind}, version ${FORMAT_VERSION}`)
  }
  return header
}

function cannotOpen(cause: unknown): MailsealError {
  return new MailsealError('cannot-decrypt', 'a sealed object cannot be opened', { cause })
}

/** Opens or seals exactly one reply; both sides of an exchange hold the same. */
export interface ReplyKey {
  /** 32 bytes. */
  readonly key: Uint8Array<ArrayBuffer>
  /** 12 bytes. */
  readonly nonce: Uint8Array<ArrayBuffer>
}

interface ExchangeOptions {
  readonly info: Uint8Array
  readonly psk: Uint8Array
  readonly pskId: Uint8Array
  /** Stands behind the header, readable by everybody, authenticated. */
  readonly preamble: Uint8Array
}

async function replyKeyOf(context: {
  Export(label: Uint8Array, length: number): Promise<Uint8Array>
}): Promise<ReplyKey> {
  return {
    key: asOurs(await context.Export(utf8('mailseal/1 reply key'), 32)),
    nonce: asOurs(await context.Export(utf8('mailseal/1 reply nonce'), 12)),
  }
}

/** Seals a request in HPKE's PSK mode: header, preamble, encapsulated key, ciphertext; and the key of its reply. */
export async function sealRequest(
  publicKey: Uint8Array,
  options: ExchangeOptions & { plaintext: Uint8Array },
): Promise<{ request: Uint8Array<ArrayBuffer>; replyKey: ReplyKey }> {
  const clear = concat(headerOf('MSEALREQ'), options.preamble)
  const { encapsulatedSecret, ctx } = await suite.SetupSender(await publicKeyOf(publicKey), {
    info: options.info,
    psk: options.psk,
    pskId: options.pskId,
  })
  const ciphertext = await ctx.Seal(options.plaintext, clear)
  return { request: concat(clear, encapsulatedSecret, ciphertext), replyKey: await replyKeyOf(ctx) }
}

/**
 * Opens what {@link sealRequest} made.
 *
 * @throws {@link MailsealError} `cannot-decrypt`, one text for every cause.
 */
export async function openRequest(
  keyPair: SealingKeyPair,
  options: ExchangeOptions & { request: Uint8Array },
): Promise<{ plaintext: Uint8Array<ArrayBuffer>; replyKey: ReplyKey }> {
  const header = assertHeader(options.request, 'MSEALREQ')
  const clear = concat(header, options.preamble)
  const body = options.request.subarray(clear.length)
  try {
    if (!equalBytes(options.request.subarray(0, clear.length), clear)) throw new Error('other preamble')
    const ctx = await suite.SetupRecipient(await keyPairOf(keyPair), body.subarray(0, ENCAPSULATED_LENGTH), {
      info: options.info,
      psk: options.psk,
      pskId: options.pskId,
    })
    const plaintext = await ctx.Open(body.subarray(ENCAPSULATED_LENGTH), clear)
    return { plaintext: asOurs(plaintext), replyKey: await replyKeyOf(ctx) }
  } catch (cause) {
    throw cannotOpen(cause)
  }
}

/**
 * Seals the one reply of an exchange (AES-256-GCM). Never call it twice with the same key: store the result.
 *
 * @param requestHash - SHA-256 of the request's bytes; the reply opens beside that request alone.
 */
export function sealReply(replyKey: ReplyKey, requestHash: Uint8Array, plaintext: Uint8Array): Uint8Array<ArrayBuffer> {
  const header = headerOf('MSEALREP')
  const cipher = createCipheriv('aes-256-gcm', replyKey.key, replyKey.nonce)
  cipher.setAAD(concat(header, requestHash))
  return concat(header, cipher.update(plaintext), cipher.final(), cipher.getAuthTag())
}

/**
 * Opens what {@link sealReply} made.
 *
 * @throws {@link MailsealError} `cannot-decrypt`, one text for every cause.
 */
export function openReply(replyKey: ReplyKey, requestHash: Uint8Array, reply: Uint8Array): Uint8Array<ArrayBuffer> {
  try {
    const header = headerOf('MSEALREP')
    const body = reply.subarray(header.length)
    if (!equalBytes(reply.subarray(0, header.length), header)) throw new Error('other header')
    const decipher = createDecipheriv('aes-256-gcm', replyKey.key, replyKey.nonce, { authTagLength: TAG_LENGTH })
    decipher.setAAD(concat(header, requestHash))
    decipher.setAuthTag(body.subarray(-TAG_LENGTH))
    return concat(decipher.update(body.subarray(0, -TAG_LENGTH)), decipher.final())
  } catch (cause) {
    throw cannotOpen(cause)
  }
}
