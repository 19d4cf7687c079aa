import { createPublicKey, sign, verify } from 'node:crypto'
import * as v from 'valibot'
import { canonicalJson } from './canonical-json.ts'
import { readAuthorityKey, type TrustedAuthority } from './certificate/index.ts'
import { concat, equalBytes, fromHex, sha256, toBase64url, toHex, utf8 } from './encoding.ts'
import { MailsealError } from './errors.ts'
import { LIMITS } from './limits.ts'
import type { Root } from './quorum-seed.ts'
import { base64url, base64urlOf, count, hex, readFormat, text } from './schema.ts'

const SIGNED_LABEL = utf8('mailseal/1 authority document\n')
/** The DER of an Ed25519 public key up to its 32 bytes (RFC 8410, section 4). */
const SPKI_PREFIX = fromHex('302a300506032b6570032100', 'prefix')

const documentSchema = v.strictObject({
  format: v.literal('mailseal-authority/1'),
  organization: v.pipe(text(LIMITS.organizationCharacters * 2), v.nonEmpty()),
  /** Lower-case A-labels; the first names the notations in certificates. */
  domains: v.pipe(v.array(v.pipe(text(LIMITS.domainBytes), v.nonEmpty())), v.minLength(1), v.maxLength(LIMITS.domains)),
  /** Rises by one with every document of this root. */
  version: v.pipe(count, v.minValue(1)),
  issued: count,
  /** Raw Ed25519 public key of the root that signed. */
  root: base64urlOf(32),
  /** How many quorum seeds there have been, this one included. */
  generation: v.pipe(count, v.minValue(1)),
  authorities: v.pipe(
    v.array(
      v.strictObject({
        fingerprint: hex(40),
        certificate: base64url(LIMITS.certificate),
        state: v.picklist(['active', 'retired', 'compromised']),
      }),
    ),
    v.minLength(1),
    v.maxLength(LIMITS.authorities),
  ),
  archiveKey: base64urlOf(32),
  enrollmentKey: base64urlOf(32),
  administrators: v.pipe(
    v.array(
      v.strictObject({
        name: v.pipe(text(LIMITS.administratorNameCharacters * 2), v.nonEmpty()),
        publicKey: base64urlOf(32),
      }),
    ),
    v.maxLength(LIMITS.administrators),
  ),
  /** What verifiers do when they had no fresh revocation list for so many hours. */
  listPolicy: v.strictObject({ action: v.picklist(['warn', 'refuse']), afterHours: count }),
})

const signedSchema = v.strictObject({ document: documentSchema, signature: base64urlOf(64) })

/** The content of an authority document as written: binary members are base64url. */
export type AuthorityContent = v.InferInput<typeof documentSchema>

/** What the organization is, vouched for by its root. */
export interface Authority extends v.InferOutput<typeof documentSchema> {
  /** The signed document's exact bytes. */
  readonly bytes: Uint8Array
  /** SHA-256 of the bytes. */
  readonly hash: Uint8Array<ArrayBuffer>
  /** SHA-256 of the root's public key, 64 lower-case hex digits: what agents pin. */
  readonly rootFingerprint: string
}

/** SHA-256 of a root's public key in lower-case hex. */
export function rootFingerprintOf(rootPublicKey: Uint8Array): string {
  return toHex(sha256(rootPublicKey))
}

/** Signs an authority document with the root. `root` is filled in. */
export function signAuthority(root: Root, content: Omit<AuthorityContent, 'root' | 'format'>): Uint8Array<ArrayBuffer> {
  const document: AuthorityContent = { ...content, format: 'mailseal-authority/1', root: toBase64url(root.publicKey) }
  const signature = sign(null, concat(SIGNED_LABEL, canonicalJson(document)), root.privateKey)
  return canonicalJson({ document, signature: toBase64url(signature) })
}

/**
 * Reads an authority document and checks its root's signature.
 *
 * @param bytes - Attacker-controlled. Whether this root is *the* root is for the caller: compare `rootFingerprint`.
 * @throws {@link MailsealError} `bad-data`, `untrusted` if the signature is wrong.
 */
export function readAuthority(bytes: Uint8Array): Authority {
  const signed = readFormat(signedSchema, bytes, 'the authority document', LIMITS.authorityDocument)
  const { document } = signed
  const key = createPublicKey({ key: Buffer.from(concat(SPKI_PREFIX, document.root)), format: 'der', type: 'spki' })
  const { document: written } = JSON.parse(new TextDecoder().decode(bytes)) as { document: AuthorityContent }
  if (!verify(null, concat(SIGNED_LABEL, canonicalJson(written)), key, signed.signature)) {
    throw new MailsealError('untrusted', 'the authority document is not signed by its root')
  }
  return { ...document, bytes, hash: sha256(bytes), rootFingerprint: rootFingerprintOf(document.root) }
}

/**
 * Accepts a document in place of the one held: the same root, and not an older version.
 *
 * @throws {@link MailsealError} `untrusted`.
 */
export function assertSuccessor(held: Authority, next: Authority): void {
  if (next.rootFingerprint !== held.rootFingerprint) {
    throw new MailsealError('untrusted', 'the authority document is signed by another root than the one pinned', {
      hint: 'somebody may stand between you and the KM server; ask your administrator',
    })
  }
  if (next.version < held.version) {
    throw new MailsealError('untrusted', 'the authority document is older than the one held')
  }
  if (next.version === held.version && !equalBytes(next.hash, held.hash)) {
    throw new MailsealError(
      'untrusted',
      `the authority document is not the one held of the same version ${held.version}`,
    )
  }
}

/** The CAs of a document with their keys ready for use. */
export async function trustedAuthorities(authority: Authority): Promise<TrustedAuthority[]> {
  return Promise.all(
    authority.authorities.map(async ({ fingerprint, certificate, state }) => {
      const key = await readAuthorityKey(certificate)
      if (key.getFingerprint() !== fingerprint)
        throw new MailsealError('untrusted', 'a CA has another fingerprint than stated')
      return { fingerprint, key, state }
    }),
  )
}

/** The organization's first domain: it names the notations in what the CA signs. */
export function notationDomain(authority: Pick<Authority, 'domains'>): string {
  return authority.domains[0] as string
}
