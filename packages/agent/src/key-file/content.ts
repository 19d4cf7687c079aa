import { LIMITS, MailsealError, toBase64url, toHex } from '@mailseal/common'
import { type Authority, readAuthority } from '@mailseal/common/authority'
import {
  parseCertificate,
  readSecretSubkey,
  readWholeSecretKey,
  subkeyFingerprints,
} from '@mailseal/common/certificate'
import { base64url, hex, mailboxId, readFormat, text, writeFormat } from '@mailseal/common/schema'
import * as v from 'valibot'

const keySchema = v.strictObject({
  /** Of the primary key, lower-case hex. */
  fingerprint: hex(40),
  /** Under which it was enrolled. */
  serial: hex(16),
  /** The whole secret key, binary OpenPGP, not protected by itself. */
  secretKey: base64url(LIMITS.certificate),
})

const contentSchema = v.strictObject({
  format: v.literal('mailseal-key-file/1'),
  mailbox: mailboxId,
  address: v.pipe(text(LIMITS.addressBytes), v.nonEmpty()),
  server: v.pipe(text(2048), v.url()),
  directoryToken: v.pipe(text(128), v.nonEmpty()),
  /** SHA-256 of the organization's root key: pinned. */
  root: hex(64),
  authority: base64url(LIMITS.authorityDocument),
  /** Of the current key, as certified. */
  certificate: base64url(LIMITS.certificate),
  /** All secret keys, the current one first. */
  keys: v.pipe(v.array(keySchema), v.minLength(1), v.maxLength(LIMITS.keyFileKeys)),
  /** Encryption subkeys that came back from the archive: bare secret subkey packets. */
  recovered: v.pipe(v.array(base64url(LIMITS.archiveEntry)), v.maxLength(LIMITS.keyFileKeys)),
})

/** One secret key of a key file. */
export type StoredKey = v.InferOutput<typeof keySchema>

/** Everything that a computer needs to be one's own. */
export type KeyFileContent = Omit<v.InferOutput<typeof contentSchema>, 'format'>

/** The content's canonical bytes. */
export function writeKeyFileContent(content: KeyFileContent): Uint8Array<ArrayBuffer> {
  const { authority, certificate, keys, recovered, ...plain } = content
  return writeFormat(
    contentSchema,
    {
      ...plain,
      format: 'mailseal-key-file/1',
      authority: toBase64url(authority),
      certificate: toBase64url(certificate),
      keys: keys.map(({ secretKey, ...key }) => ({ ...key, secretKey: toBase64url(secretKey) })),
      recovered: recovered.map(toBase64url),
    },
    'the key file',
  )
}

/**
 * Reads a key file's content and makes sure that its pieces belong together.
 *
 * @param bytes - From behind the password; a file of somebody else may hold anything.
 * @throws {@link MailsealError} `bad-data`, `too-large`, `untrusted` if the authority document's signature is wrong.
 */
export async function readKeyFileContent(
  bytes: Uint8Array,
): Promise<KeyFileContent & { readonly document: Authority }> {
  const { format: _, ...content } = readFormat(contentSchema, bytes, 'the key file', LIMITS.keyFile)
  const document = readAuthority(content.authority)
  if (document.rootFingerprint !== content.root) throw inconsistent('its authority document is of another root')
  const { fingerprint } = await parseCertificate(content.certificate)
  if (content.keys[0]?.fingerprint !== fingerprint) throw inconsistent('its certificate is not that of its current key')
  if (new Set(content.keys.map((key) => key.fingerprint)).size < content.keys.length)
    throw inconsistent('a key stands in it twice')
  for (const key of content.keys) {
    const primary = await readWholeSecretKey(key.secretKey)
    if (primary.getFingerprint() !== key.fingerprint) throw inconsistent('a key has another fingerprint than stated')
  }
  return { ...content, document }
}

/**
 * The secret key of this fingerprint.
 *
 * @throws {@link MailsealError} `not-found`.
 */
export function keyOf(content: KeyFileContent, fingerprint: string): StoredKey {
  const key = content.keys.find((one) => one.fingerprint === fingerprint)
  if (key !== undefined) return key
  throw new MailsealError('not-found', "the key file does not hold the key of this computer's certificate", {
    hint: 'bring the newest copy of it: mailseal keyfile use FILE',
  })
}

/** Whether two are of one user: a mailbox keeps its id under a new address, and one added again has another id. */
export function isSameUser(
  one: Pick<KeyFileContent, 'mailbox' | 'address'>,
  other: Pick<KeyFileContent, 'mailbox' | 'address'>,
): boolean {
  return one.mailbox === other.mailbox || one.address === other.address
}

/**
 * Everything that either holds: `main` says what is current, and no secret of `other` is dropped. None stands in the
 * result twice, also not as a recovered subkey that one of the keys has.
 */
export async function uniteContents(
  main: KeyFileContent,
  other: Pick<KeyFileContent, 'keys' | 'recovered'>,
): Promise<KeyFileContent> {
  const held = new Set(main.keys.map((key) => key.fingerprint))
  const keys = [...main.keys, ...other.keys.filter((key) => !held.has(key.fingerprint))]
  return { ...main, keys, recovered: await withoutRepeats(keys, [...main.recovered, ...other.recovered]) }
}

async function withoutRepeats(keys: readonly StoredKey[], recovered: readonly Uint8Array<ArrayBuffer>[]) {
  const held = new Set((await Promise.all(keys.map(({ secretKey }) => subkeyFingerprints(secretKey)))).flat())
  const kept: Uint8Array<ArrayBuffer>[] = []
  for (const subkey of recovered) {
    const name = await nameOf(subkey)
    if (!held.has(name)) kept.push(subkey)
    held.add(name)
  }
  return kept
}

/** The fingerprint; of what can't be read, its bytes: nobody throws away what may still be a secret. */
async function nameOf(subkey: Uint8Array): Promise<string> {
  try {
    return (await readSecretSubkey(subkey)).fingerprint
  } catch (error) {
    if (error instanceof MailsealError) return toHex(subkey)
    throw error
  }
}

function inconsistent(what: string): MailsealError {
  return new MailsealError('bad-data', `the key file does not fit together: ${what}`)
}
