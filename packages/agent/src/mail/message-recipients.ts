import { MailsealError } from '@mailseal/common'
import { type OpenedMessage, parseCertificate } from '@mailseal/common/certificate'
import { type MimePart, parseAddresses } from '@mailseal/common/mime'
import { judgeRecipient, type RecipientStatus } from '@mailseal/common/recipient'
import type { SignatureVerdict } from '@mailseal/common/verdict'
import type { Context, Warning } from '../context.ts'
import { revocationsOf } from '../revocation-list.ts'
import type { Inside } from './open.ts'
import type { OwnSubkey } from './own-subkeys.ts'
import { evaluate } from './recipients.ts'
import type { Setting } from './setting.ts'
import type { MessageRecipient } from './verification.ts'

/** Addresses of one message whose certificates are looked through for its keys. */
const LOOKED_THROUGH = 200
/** Fields that name the people of a message. */
const PEOPLE = ['from', 'to', 'cc'] as const

interface Known {
  readonly opened: OpenedMessage
  readonly own: readonly OwnSubkey[]
  readonly inside: Inside
  readonly signature: SignatureVerdict
}

/**
 * Whose the keys are that a message is encrypted to, and what became of them: by the certificates held here of the people
 * named in it. Nothing is asked for.
 */
export async function judgeRecipients(context: Context, setting: Setting, known: Known): Promise<MessageRecipient[]> {
  const { opened, own, inside, signature } = known
  const people = addressesOf([inside.root, ...(inside.payload === null ? [] : [inside.payload])])
  const ownAddresses = own.map(({ address }) => address)
  const found = new Map<string, MessageRecipient>()
  for (const { key, address, primaryFingerprint } of own) {
    found.set(key.getKeyID().toHex(), { address, status: oldKeyStatus(context, primaryFingerprint) })
  }
  for (const address of new Set([...ownAddresses, ...people])) {
    for (const [keyId, status] of await keysOf(context, setting, address, signature.signedAt)) {
      found.set(keyId, { address, status })
    }
  }
  return opened.recipientKeyIds.map((keyId) => found.get(keyId) ?? { address: null, status: 'none' })
}

/** Of an own key without a certificate here: out of use, or worse. */
function oldKeyStatus({ state }: Context, primaryFingerprint: string | null): RecipientStatus {
  const revoked = primaryFingerprint === null ? null : state.revokedKey(primaryFingerprint)
  return revoked === null || revoked.reason === 'replaced' ? 'expired' : 'revoked'
}

/** Key ids of the subkeys in the certificates held of an address. */
async function keysOf(
  context: Context,
  { enrolled, held }: Setting,
  address: string,
  usedAt: number | null,
): Promise<[keyId: string, status: RecipientStatus][]> {
  const keys: [string, RecipientStatus][] = []
  for (const { certificate: bytes } of context.state.certificatesOf(address)) {
    const certificate = await evaluate(enrolled, bytes)
    if (certificate === null) continue
    const revocations = await revocationsOf(context, held, certificate)
    const { status } = judgeRecipient(certificate, { address, revocations, now: context.clock.now(), usedAt })
    keys.push([(await parseCertificate(bytes)).subkeyFingerprint.slice(-16), status])
  }
  return keys
}

/** The people that a message names, as far as they can be read. */
function addressesOf(parts: readonly MimePart[]): string[] {
  const fields = parts.flatMap((part) => PEOPLE.flatMap((name) => part.headers.fields(name)))
  const addresses = fields.flatMap((field) => {
    try {
      return parseAddresses(field.value).map(({ address }) => address)
    } catch (error) {
      if (error instanceof MailsealError) return []
      throw error
    }
  })
  return [...new Set(addresses)].slice(0, LOOKED_THROUGH)
}

/** Somebody else may read the message. */
export function recipientWarnings(recipients: readonly MessageRecipient[]): Warning[] {
  const revoked = recipients.flatMap(({ address, status }) =>
    status === 'revoked' && address !== null ? [address] : [],
  )
  return [...new Set(revoked)].map((address) => ({
    code: 'recipient-revoked',
    message: `the message is also encrypted to a revoked certificate of ${address}; whoever holds its key can read it`,
  }))
}
