import { MailsealError } from '@mailseal/common'
import { armorKeys, protectSecretKey, readPrimarySecret, readSecretSubkey } from '@mailseal/common/certificate'
import { type Context, type Enrolled, requireEnrolled } from './context.ts'
import type { KeyFileContent } from './key-file/content.ts'
import { openOwnKeyFile } from './passwords.ts'

export const EXPORT_FORMATS = ['openpgp', 'gnupg'] as const

/** What {@link exportKeys} is to give. */
export interface ExportOptions {
  /** The secret keys, each protected with the key file's password; else the certificates. */
  readonly secret: boolean
  /** `gnupg`: all that one `gpg --import` needs, the CA's certificate with the secret keys. */
  readonly format: (typeof EXPORT_FORMATS)[number]
}

/**
 * The own keys for other OpenPGP programs, armored: the certificate and those of the CAs, or every secret key of the key
 * file. Recovered keys are subkeys of the current one there.
 *
 * @throws {@link MailsealError} `not-enrolled`; `not-found` if the certificate is not here; with `secret` `password-wrong`,
 *   `password-needed`, `bad-data`.
 */
export async function exportKeys(context: Context, { secret, format }: ExportOptions): Promise<string> {
  const enrolled = await requireEnrolled(context)
  if (!secret) return armorKeys('public', [ownCertificate(context, enrolled), ...authoritiesOf(enrolled)])
  const { content, password } = await openOwnKeyFile(context)
  const secrets = armorKeys('private', await protectedKeys(context, content, password))
  return format === 'gnupg' ? `${armorKeys('public', authoritiesOf(enrolled))}${secrets}` : secrets
}

function ownCertificate({ state }: Context, { identity }: Enrolled): Uint8Array {
  const copy = state.certificate(identity.fingerprint)
  if (copy !== null) return copy.certificate
  throw new MailsealError('not-found', 'your certificate is not on this computer', { hint: 'fetch it: mailseal sync' })
}

/** The CAs that are to be believed. */
function authoritiesOf({ trust }: Enrolled): Uint8Array[] {
  return trust.document.authorities.filter(({ state }) => state !== 'compromised').map(({ certificate }) => certificate)
}

/** The current key first. One after the other: each takes a fifth of a second of the processor for its password. */
async function protectedKeys(
  { state }: Context,
  { keys, recovered, certificate }: KeyFileContent,
  password: string,
): Promise<Uint8Array[]> {
  const usable = await readableOf(recovered)
  const made: Uint8Array[] = []
  let supersededAt: number | null = null
  for (const { fingerprint, secretKey } of keys) {
    const current = supersededAt === null ? { certificate, recovered: usable } : { certificate: null, recovered: [] }
    const copy = state.certificate(fingerprint)?.certificate ?? current.certificate
    made.push(await protectSecretKey({ ...current, secretKey, certificate: copy, supersededAt }, password))
    supersededAt ??= (await readPrimarySecret(secretKey)).created.getTime() / 1000
  }
  return made
}

/** What can't be read is kept in the key file, and must not keep the others from being exported. */
async function readableOf(recovered: readonly Uint8Array[]): Promise<Uint8Array[]> {
  const readable: Uint8Array[] = []
  for (const subkey of recovered) {
    const read = await readSecretSubkey(subkey).catch((error: unknown) => {
      if (error instanceof MailsealError) return null
      throw error
    })
    if (read !== null) readable.push(subkey)
  }
  return readable
}
