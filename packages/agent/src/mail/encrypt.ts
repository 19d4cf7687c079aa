import { MailsealError } from '@mailseal/common'
import { encryptionKeyOf, sealMessage } from '@mailseal/common/certificate'
import { parseMime } from '@mailseal/common/mime'
import { composeEncrypted } from '@mailseal/common/pgp-mime'
import type { RecipientVerdict } from '@mailseal/common/recipient'
import type * as openpgp from 'openpgp'
import type { Context, Enrolled, Warning } from '../context.ts'
import type { KeyFileContent } from '../key-file/content.ts'
import { openOwnKeyFile } from '../passwords.ts'
import { addresseesOf, withoutAddressees } from './addressees.ts'
import { assertOwnFrom, assertUsable, signingKey } from './own-key.ts'
import { findRecipients, type Recipient, reasonText } from './recipients.ts'
import { closeSetting, openSetting, type Setting, warningsOf } from './setting.ts'
import { signWith } from './sign.ts'

/** What {@link encrypt} is told beside the message. */
export interface EncryptOptions {
  /** Whether to sign as well. */
  readonly sign: boolean
  /** What to do about recipients to whom nothing can be encrypted: never one of these in silence. */
  readonly unsecured: 'refuse' | 'leave-out' | 'in-clear'
}

/** What {@link encrypt} made. */
export interface EncryptResult {
  readonly message: Uint8Array<ArrayBuffer>
  /** Whom the message goes to: those of To and Cc who were not left out. */
  readonly recipients: readonly string[]
  /** A message of their own for those of Bcc, whom nobody else is to know of. */
  readonly bcc: readonly { readonly address: string; readonly message: Uint8Array<ArrayBuffer> }[]
  /** False if it was only signed, to be read by everybody on its way. */
  readonly isEncrypted: boolean
  /** To whom nothing could be encrypted: left out, or the reason why it is in clear. */
  readonly unsecured: readonly RecipientVerdict[]
  readonly warnings: readonly Warning[]
}

/** More would hide the others from whoever reads the error. */
const NAMED_AT_MOST = 20

/**
 * Signs and encrypts a message as PGP/MIME to all its recipients and to oneself. Each recipient's certificate is checked
 * first, by the newest revocation list that can be had.
 *
 * @param message - RFC 5322, MIME or not, CRLF or LF; from the own address.
 * @throws {@link MailsealError} `not-enrolled`; `untrusted` if From is another address; `certificate-revoked` and
 *   `certificate-expired` of one's own certificate; `certificate-revoked` or `recipients-unsecured` if there are
 *   recipients without security and nothing was said about them; `revocation-list-missing`, `password-wrong`, `bad-data`,
 *   `too-large`.
 */
export async function encrypt(context: Context, message: Uint8Array, options: EncryptOptions): Promise<EncryptResult> {
  if (options.unsecured === 'in-clear' && !options.sign) throw new TypeError('in clear and unsigned nothing is secured')
  const setting = await openSetting(context)
  try {
    return await encryptIn(context, setting, message, options)
  } finally {
    closeSetting(setting)
  }
}

async function encryptIn(
  context: Context,
  setting: Setting,
  message: Uint8Array,
  options: EncryptOptions,
): Promise<EncryptResult> {
  const { identity } = setting.enrolled
  const root = parseMime(message)
  assertOwnFrom(root, identity)
  assertUsable(context, identity)
  const { open, hidden } = addresseesOf(root)
  const others = [...open, ...hidden].filter((address) => address !== identity.address)
  const found = new Map((await findRecipients(context, setting, others)).map((one) => [one.verdict.address, one]))
  const unsecured = [...found.values()].filter(({ key }) => key === null).map(({ verdict }) => verdict)
  if (unsecured.length > 0 && options.unsecured === 'refuse') throw refusal(unsecured, CHOICES)
  const isEncrypted = unsecured.length === 0 || options.unsecured === 'leave-out'
  const leftOut = new Set(isEncrypted ? unsecured.map(({ address }) => address) : [])
  const stay = (address: string) => !leftOut.has(address)
  if (![...open, ...hidden].some(stay)) throw refusal(unsecured, IN_CLEAR)

  const { content } = await openOwnKeyFile(context)
  const letter = withoutAddressees(root, leftOut)
  const write = isEncrypted
    ? await encrypter(context, setting.enrolled, content, letter, { found, isSigned: options.sign })
    : await signer(context, setting.enrolled, content, letter)
  const recipients = open.filter(stay)
  const bcc = []
  for (const address of hidden.filter(stay)) bcc.push({ address, message: await write([address]) })
  const warnings = warningsOf(context, setting)
  return { message: await write(recipients), recipients, bcc, isEncrypted, unsecured, warnings }
}

/** Writes one and the same letter to some addresses. */
type Write = (addresses: readonly string[]) => Promise<Uint8Array<ArrayBuffer>>

async function encrypter(
  context: Context,
  { identity }: Enrolled,
  content: KeyFileContent,
  letter: Uint8Array,
  { found, isSigned }: { readonly found: ReadonlyMap<string, Recipient>; readonly isSigned: boolean },
): Promise<Write> {
  const { clock, random } = context
  const own = await ownEncryptionKey(context, identity.fingerprint, content)
  const key = isSigned ? await signingKey(content, identity) : null
  return (addresses) => {
    const keys = addresses.flatMap((address) => found.get(address)?.key ?? [])
    const recipients = [...new Map([...keys, own].map((one) => [one.getFingerprint(), one])).values()]
    const seal = (payload: Uint8Array) => sealMessage(payload, { recipients, signer: key, at: clock.now(), random })
    return composeEncrypted({ message: letter, seal, random })
  }
}

/** In clear, everybody gets the same. */
async function signer(
  context: Context,
  { identity }: Enrolled,
  content: KeyFileContent,
  letter: Uint8Array,
): Promise<Write> {
  const signed = await signWith(context, await signingKey(content, identity), letter)
  return async () => signed
}

/** Whoever writes a message can read it again. */
async function ownEncryptionKey(
  { state, clock }: Context,
  fingerprint: string,
  content: KeyFileContent,
): Promise<openpgp.PublicSubkeyPacket> {
  // The key file's copy does not know of renewals.
  const certificate = state.certificate(fingerprint)?.certificate ?? content.certificate
  const key = await encryptionKeyOf(certificate, clock.now())
  if (key !== null) return key
  throw new MailsealError('cannot-encrypt', 'your own certificate has no key that can be encrypted to now', {
    hint: 'fetch the newest copy of it: mailseal sync',
  })
}

const IN_CLEAR = 'sign only, so that everybody can read it: --in-clear'
const CHOICES = `leave them out: --without-unsecured; or ${IN_CLEAR}`

function refusal(unsecured: readonly RecipientVerdict[], hint: string): MailsealError {
  const named = unsecured.slice(0, NAMED_AT_MOST).map((verdict) => `${verdict.address} (${reasonText(verdict)})`)
  const more = unsecured.length - named.length
  const list = more > 0 ? [...named, `${more} more`] : named
  const isRevoked = unsecured.some(({ status }) => status === 'revoked')
  return new MailsealError(
    isRevoked ? 'certificate-revoked' : 'recipients-unsecured',
    `the message can't be encrypted to ${list.join(', ')}`,
    { hint },
  )
}
