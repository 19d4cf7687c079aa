import { formatUserId, systemRandom, toBase64url } from '@mailseal/common'
import { sealArchiveEntry } from '@mailseal/common/archive-entry'
import type { Authority } from '@mailseal/common/authority'
import { makeUserKey, readSecretSubkey, type UserKey } from '@mailseal/common/certificate'
import { openEnrollmentReply, sealEnrollmentRequest } from '@mailseal/common/enrollment'
import { openHistory } from '@mailseal/common/history'
import { type Offer, readOffer } from '@mailseal/common/offer'
import type { ReplyKey } from '@mailseal/common/sealed-channel'
import type { Store } from '../../../packages/server/src/store/store.ts'
import { secretsOf } from '../administration.ts'
import type { EnrollmentFacts, Key, TemporaryKey } from '../model.ts'
import { ENROLLMENT_FAULTS, type EnrollmentFault } from './steps.ts'

/** An enrollment's request, ready to be sent as often as one likes. */
export interface Enrollment {
  readonly bytes: Uint8Array
  readonly replyKey: ReplyKey
  readonly temporaryKey: TemporaryKey
  readonly secret: UserKey
  readonly facts: EnrollmentFacts
  readonly isArchiveDamaged: boolean
  /** What the server answered, as long as it keeps that. */
  stored: { readonly reply: string; readonly at: number; readonly key: Key } | null
}

interface EnrollmentOptions {
  readonly store: Store
  readonly authority: Authority
  /** Unix seconds. */
  readonly now: number
  readonly fault: EnrollmentFault | null
  /** The newest enrollment before, whose key may be enrolled again. */
  readonly before: Enrollment | undefined
}

/** Makes what an agent sends, or what a hostile or broken one does. */
export async function prepareEnrollment(temporaryKey: TemporaryKey, options: EnrollmentOptions): Promise<Enrollment> {
  const { authority, fault } = options
  const { address, name } = temporaryKey
  const offer = await offerOf(options.store, temporaryKey)
  const subject = { address, name: fault === 'another name' ? 'Somebody else' : name }
  const userId = formatUserId(subject.name, address)
  const known = fault === 'a key enrolled before' ? options.before : undefined
  const validFrom = beginning(temporaryKey, options)
  const secret = known?.secret ?? (await makeUserKey(userId, validFrom))
  const revoking = fault === "another key's revocation" ? await makeUserKey(userId, validFrom) : secret
  const secrets = secretsOf(temporaryKey)
  const { request: bytes, replyKey } = await sealEnrollmentRequest(
    fault === 'another document' ? { ...authority, hash: systemRandom(32) } : authority,
    fault === 'another offer' ? { ...offer, hash: systemRandom(32) } : offer,
    fault === "another temporary key's secret" ? { ...secrets, psk: systemRandom(32) } : secrets,
    {
      certificate: toBase64url(secret.certificate),
      keyRevocation: toBase64url(revoking.keyRevocation),
      subkeyRevocation: toBase64url(secret.subkeyRevocation),
      archiveEntry: toBase64url(await archiveEntry(secret, offer, options)),
      agent: 'test/1',
    },
  )
  const nearTheEnd = bytes.length - 20
  if (fault === 'a changed seal') bytes[nearTheEnd] = (bytes[nearTheEnd] ?? 0) ^ 1
  return {
    ...{ bytes, replyKey, temporaryKey, secret, stored: null },
    isArchiveDamaged: fault === "another mailbox's archive entry",
    facts: {
      fault: fault === null ? null : ENROLLMENT_FAULTS[fault],
      isArchiveEntryRight: fault !== 'an archive entry that is none',
      userId: known?.facts.userId ?? subject,
      validFrom: secret.validFrom,
      fingerprint: secret.fingerprint,
    },
  }
}

/** As it stands in the server's database: an ended key's offer is shown to nobody. */
async function offerOf(store: Store, temporaryKey: TemporaryKey): Promise<Offer> {
  const { pskId, macKey } = secretsOf(temporaryKey)
  const row = await store.read((reads) => reads.temporaryKey(pskId))
  if (row === null) throw new TypeError('the server does not know a temporary key that it issued')
  return readOffer({ offer: row.offer, mac: row.offerMac }, macKey)
}

function beginning({ issued }: TemporaryKey, { now, fault }: EnrollmentOptions): number {
  if (fault === 'a beginning an hour too early') return issued - 3601
  if (fault === 'a beginning six minutes ahead') return now + 360
  return Math.max(now, issued - 3600)
}

function archiveEntry(
  { subkeyFingerprint, secretSubkey }: UserKey,
  offer: Offer,
  { authority, fault }: EnrollmentOptions,
): Promise<Uint8Array> {
  if (fault === 'an archive entry that is none') return Promise.resolve(systemRandom(100))
  const mailbox = fault === "another mailbox's archive entry" ? '0'.repeat(32) : offer.mailbox
  const { rootFingerprint, generation, archiveKey } = authority
  return sealArchiveEntry(archiveKey, { rootFingerprint, generation, mailbox, subkeyFingerprint }, secretSubkey)
}

/** What a reply says: the new serial number, and the encryption keys that came back. */
export async function openReply(
  { replyKey, bytes, temporaryKey }: Enrollment,
  reply: string,
): Promise<{ serial: string; returned: string[] }> {
  const { serial, recovered } = openEnrollmentReply(replyKey, bytes, Buffer.from(reply, 'base64url'))
  const pieces = openHistory(secretsOf(temporaryKey).historyKey, recovered)
  const opened = await Promise.all(pieces.map((piece) => readSecretSubkey(piece ?? new Uint8Array())))
  return { serial, returned: opened.map(({ fingerprint }) => fingerprint) }
}
