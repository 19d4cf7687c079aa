import {
  concat,
  deriveTemporaryKeySecrets,
  type ErrorCode,
  formatDate,
  formatUserId,
  generateTemporaryKey,
  MailsealError,
  parseTemporaryKey,
  SPANS,
  sha256,
  type TemporaryKeySecrets,
  toBase64url,
  toHex,
  utf8,
} from '@mailseal/common'
import { makeOffer } from '@mailseal/common/offer'
import type { Status, TaskAnswer } from '@mailseal/common/rpc'
import { readSetting } from '../settings.ts'
import type { Unlocked } from '../start-up/index.ts'
import type { Mailbox, Reads, TemporaryKeyEnd, TemporaryKeyRow, Transaction } from '../store/store.ts'
import type { TaskContext } from './context.ts'

const PSK_LENGTH = 32

type Issued = Extract<TaskAnswer<'enable'>['results'][number], { temporaryKey: string }>

/** Issues a temporary key with its offer, and the token that allows one message to its mailbox. */
export async function issueTemporaryKey(
  context: TaskContext,
  tx: Transaction,
  { mailbox, status, now }: { mailbox: Mailbox; status: Status; now: number },
): Promise<Issued> {
  const temporaryKey = generateTemporaryKey(context.random)
  const secrets = deriveTemporaryKeySecrets(parseTemporaryKey(temporaryKey))
  const authority = await context.documents.newest(tx)
  const expires = now + (await readSetting(tx, 'enrollment.temporaryKeyDays')) * SPANS.day
  const { offer, mac } = makeOffer(
    {
      mailbox: mailbox.id,
      userId: formatUserId(mailbox.name, mailbox.address),
      address: mailbox.address,
      server: context.serverUrl,
      issued: now,
      notAfter: expires,
      authority: toBase64url(authority.hash),
    },
    secrets.macKey,
  )
  await tx.addTemporaryKey({
    pskId: secrets.pskId,
    mailboxId: mailbox.id,
    issued: now,
    expires,
    authorityHash: authority.hash,
    offer,
    offerMac: mac,
    sealedSecrets: await context.unlocked.seal(labelOf(secrets.pskId), concat(secrets.psk, secrets.macKey)),
    sent: false,
    end: null,
  })
  return {
    address: mailbox.address,
    name: mailbox.name,
    status,
    temporaryKey,
    expires,
    offer: toBase64url(offer),
    mac: toBase64url(mac),
    authority: toBase64url(authority.bytes),
    sendToken: await issueSendToken(context, tx, { mailboxId: mailbox.id, pskId: secrets.pskId, now }),
  }
}

async function issueSendToken(
  { random }: TaskContext,
  tx: Transaction,
  { mailboxId, pskId, now }: { mailboxId: string; pskId: Uint8Array; now: number },
): Promise<string | null> {
  if (!(await readSetting(tx, 'enrollment.allowEmail'))) return null
  const token = toBase64url(random(32))
  await tx.addSendToken(hashOfSendToken(token), { mailboxId, pskId, expires: now + SPANS.sendToken })
  return token
}

/** What the server keeps of a token that allows one enrollment message. */
export function hashOfSendToken(token: string): Uint8Array<ArrayBuffer> {
  return sha256(utf8('mailseal/1 send token\n'), utf8(token))
}

/** Ends the mailbox's temporary key if it has one. One that expired before ends as what it was: expired. */
export async function endLiveTemporaryKey(
  tx: Transaction,
  mailboxId: string,
  how: Exclude<TemporaryKeyEnd, 'used' | 'expired'>,
  now: number,
): Promise<void> {
  const key = await tx.liveTemporaryKey(mailboxId)
  if (key === null) return
  const end = isExpired(key, now) ? endOfExpired(key) : { how, at: now }
  await tx.endTemporaryKey(key.pskId, end.how, end.at)
}

/** Whether a key that has not ended is past its time. */
function isExpired(key: Pick<TemporaryKeyRow, 'expires'>, now: number): boolean {
  return key.expires <= now
}

function endOf(key: TemporaryKeyRow, now: number): TemporaryKeyRow['end'] {
  return key.end ?? (isExpired(key, now) ? endOfExpired(key) : null)
}

/** How a key ends whose time has run out: when it did, not when somebody noticed. */
function endOfExpired(key: Pick<TemporaryKeyRow, 'expires'>): { how: 'expired'; at: number } {
  return { how: 'expired', at: key.expires }
}

/**
 * Opens what the server keeps of a live temporary key.
 *
 * @throws TypeError if it has ended: its secrets are erased.
 */
export async function openTemporaryKeySecrets(unlocked: Unlocked, key: TemporaryKeyRow): Promise<TemporaryKeySecrets> {
  if (key.sealedSecrets === null) throw new TypeError('the secrets of an ended temporary key are erased')
  const opened = await unlocked.open(labelOf(key.pskId), key.sealedSecrets)
  return {
    psk: opened.slice(0, PSK_LENGTH),
    pskId: new Uint8Array(key.pskId),
    macKey: opened.slice(PSK_LENGTH),
  }
}

const labelOf = (pskId: Uint8Array) => `temporary key ${toHex(pskId)}`

const ASK_REISSUE = 'ask your administrator for a new one ("mailseal-admin reissue ADDRESS")'
const ASK_ENABLE = 'ask your administrator for a new one ("mailseal-admin enable ADDRESS")'

/** What the holder of a temporary key hears about its end; `ADDRESS` stands for the mailbox. */
const ENDS: Record<TemporaryKeyEnd, { code: ErrorCode; message: string; hint: string }> = {
  used: {
    code: 'temporary-key-used',
    message: 'the temporary key was used on',
    hint: 'use the key file of that enrollment; if it was not yours, tell your administrator at once',
  },
  expired: { code: 'temporary-key-expired', message: 'the temporary key expired on', hint: ASK_REISSUE },
  replaced: {
    code: 'temporary-key-replaced',
    message: 'the temporary key was replaced by a newer one on',
    hint: 'use the newest temporary key that you were given',
  },
  canceled: { code: 'temporary-key-canceled', message: 'the temporary key was canceled on', hint: ASK_ENABLE },
  revoked: {
    code: 'temporary-key-canceled',
    message: 'the temporary key ended when its mailbox was revoked on',
    hint: ASK_ENABLE,
  },
}

/** The true reason for the holder of a temporary key that ended; nobody else knows its id. */
function endedError(end: NonNullable<TemporaryKeyRow['end']>, address: string): MailsealError {
  const { code, message, hint } = ENDS[end.how]
  return new MailsealError(code, `${message} ${formatDate(end.at)}`, { hint: hint.replace('ADDRESS', () => address) })
}

/**
 * A temporary key by the id that only its holder knows, with its mailbox.
 *
 * @throws {@link MailsealError} `temporary-key-unknown`.
 */
export async function findTemporaryKey(
  reads: Reads,
  pskId: Uint8Array,
): Promise<{ key: TemporaryKeyRow; mailbox: Mailbox }> {
  const key = await reads.temporaryKey(pskId)
  const mailbox = key && (await reads.mailbox(key.mailboxId))
  if (key && mailbox) return { key, mailbox }
  throw new MailsealError('temporary-key-unknown', 'the temporary key is unknown to this KM server')
}

/**
 * Refuses a temporary key that has ended or run out of time.
 *
 * @throws {@link MailsealError} `temporary-key-used|expired|replaced|canceled`.
 */
export function assertLive(key: TemporaryKeyRow, mailbox: Mailbox, now: number): void {
  const end = endOf(key, now)
  if (end !== null) throw endedError(end, mailbox.address)
}

/** As {@link assertLive}; a key whose time has run out unnoticed ends now, which erases its secrets. */
export async function assertLiveOrEnd(
  { store, outbox }: TaskContext,
  key: TemporaryKeyRow,
  mailbox: Mailbox,
  now: number,
): Promise<void> {
  if (key.end === null && isExpired(key, now)) {
    await store.transaction((tx) => endExpiredKeys(tx, [key]))
    await outbox.removeSpent()
  }
  assertLive(key, mailbox, now)
}

/** Ends keys whose time has run out. */
export async function endExpiredKeys(tx: Transaction, keys: readonly TemporaryKeyRow[]): Promise<void> {
  for (const key of keys) {
    const { how, at } = endOfExpired(key)
    await tx.endTemporaryKey(key.pskId, how, at)
  }
}
