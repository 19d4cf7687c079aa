import { hkdfSync } from 'node:crypto'
import { MailsealError, type Random, systemRandom, toHex, utf8 } from '@mailseal/common'
import { type Authority, readAuthority } from '@mailseal/common/authority'
import { type AuthorityKey, readPrimarySecret } from '@mailseal/common/certificate'
import type { SealingKeyPair } from '@mailseal/common/sealed-channel'
import type { StoredAuthority } from '../authority-documents.ts'
import { type Argon2Parameters, openUnderPassword, sealUnderPassword } from '../password-box.ts'
import { open, seal } from '../sealing.ts'
import type { Store } from '../store/store.ts'

const DATA_KEY_LENGTH = 32
/** The store's name for the data key, sealed under the start-up secret. */
export const DATA_KEY_SECRET = 'data-key'
const DATA_KEY_LABEL = 'mailseal data key'

/** The store's name for a CA's secret key; its label as well. */
export const caSecretName = (fingerprint: string) => `ca ${fingerprint}`
const enrollmentKeyLabel = (publicKey: Uint8Array) => `enrollment key ${toHex(publicKey)}`

/** Seals and opens what the KM server keeps secret in its store. */
export interface DataKey {
  /** @param label - What it is and whose, such as `temporary-key 41aa...`; needed again to open. */
  seal(label: string, plaintext: Uint8Array): Uint8Array<ArrayBuffer>
  /** @throws {@link MailsealError} `cannot-decrypt` if it was sealed under another label or key. */
  open(label: string, sealed: Uint8Array): Uint8Array<ArrayBuffer>
}

/** What the start-up secret unlocks. */
export interface Unlocked extends DataKey {
  readonly ca: {
    /** Lower-case hex. */
    readonly fingerprint: string
    /** Signs certificates and revocation lists. */
    readonly key: Awaited<ReturnType<typeof readPrimarySecret>>
  }
  /** 32 bytes: makes the tokens that read the whole directory. */
  readonly directoryTokenKey: Uint8Array<ArrayBuffer>
  /**
   * The enrollment key of an authority document.
   *
   * @returns null once it was erased, since nothing issued under that document lives.
   */
  enrollmentKey(document: StoredAuthority): SealingKeyPair | null
}

function dataKeyOf(key: Uint8Array, random: Random): DataKey {
  return {
    seal: (label, plaintext) => seal(key, label, plaintext, random),
    open: (label, sealed) => open(key, label, sealed),
  }
}

/** Makes the key that wraps all others; the start-up secret can change without them. */
export async function makeDataKey(
  startupSecret: string,
  options: { readonly random: Random; readonly argon2: Argon2Parameters },
): Promise<{ dataKey: DataKey; sealedDataKey: Uint8Array<ArrayBuffer> }> {
  const key = options.random(DATA_KEY_LENGTH)
  const sealedDataKey = await sealUnderPassword(startupSecret, DATA_KEY_LABEL, key, options)
  return { dataKey: dataKeyOf(key, options.random), sealedDataKey }
}

/** The CA's secret key as the store keeps it. */
export function sealCaKey(dataKey: DataKey, ca: AuthorityKey): Uint8Array<ArrayBuffer> {
  return dataKey.seal(caSecretName(ca.fingerprint), ca.secretKey)
}

/** An enrollment key's private half as the store keeps it beside its authority document. */
export function sealEnrollmentKey(
  dataKey: DataKey,
  { publicKey, privateKey }: SealingKeyPair,
): Uint8Array<ArrayBuffer> {
  return dataKey.seal(enrollmentKeyLabel(publicKey), privateKey)
}

/**
 * Opens the CA, the enrollment keys and the sealing key with the start-up secret. Takes half a second.
 *
 * @throws {@link MailsealError} `password-wrong`; `not-found` if the KM server is not initialized.
 */
export async function unlock(
  store: Store,
  startupSecret: string,
  { random = systemRandom }: { readonly random?: Random } = {},
): Promise<Unlocked> {
  const { sealedDataKey, document } = await store.read(async (reads) => ({
    sealedDataKey: await reads.secret(DATA_KEY_SECRET),
    document: await reads.latestAuthorityDocument(),
  }))
  if (sealedDataKey === null || document === null) {
    const hint = 'run: mailseal-server init --organization NAME --domain DOMAIN --administrator NAME'
    throw new MailsealError('not-found', 'the KM server is not initialized', { hint })
  }
  const key = await openUnderPassword(startupSecret, DATA_KEY_LABEL, sealedDataKey)
  if (key === null) {
    const hint = 'give the file that init made: --startup-secret-file FILE'
    throw new MailsealError('password-wrong', 'the start-up secret is wrong', { hint })
  }
  const dataKey = dataKeyOf(key, random)
  return {
    ...dataKey,
    ca: await openCa(store, dataKey, readAuthority(document.bytes)),
    directoryTokenKey: new Uint8Array(
      hkdfSync('sha256', key, new Uint8Array(), utf8('mailseal/1 directory token'), 32),
    ),
    enrollmentKey: (document) => openEnrollmentKey(dataKey, document),
  }
}

async function openCa(store: Store, dataKey: DataKey, authority: Authority): Promise<Unlocked['ca']> {
  const active = authority.authorities.find(({ state }) => state === 'active')
  if (!active) throw new TypeError('the authority document names no active CA')
  const name = caSecretName(active.fingerprint)
  const sealed = await store.read((reads) => reads.secret(name))
  if (!sealed) throw new MailsealError('not-found', 'the secret key of the CA is not in the database')
  return { fingerprint: active.fingerprint, key: await readPrimarySecret(dataKey.open(name, sealed)) }
}

function openEnrollmentKey(dataKey: DataKey, { authority, row }: StoredAuthority): SealingKeyPair | null {
  if (row.sealedEnrollmentKey === null) return null
  const { enrollmentKey: publicKey } = authority
  return { publicKey, privateKey: dataKey.open(enrollmentKeyLabel(publicKey), row.sealedEnrollmentKey) }
}
