import {
  asText,
  canonicalJson,
  concat,
  type ErrorCode,
  formatDate,
  MailsealError,
  sha256,
  type TemporaryKeySecrets,
  toBase64url,
  toHex,
  utf8,
} from '@mailseal/common'
import type { Status, TaskName } from '@mailseal/common/rpc'
import type { Unlocked } from '../start-up/index.ts'
import type { Mailbox, Reads, TemporaryKeyEnd, TemporaryKeyRow, Transaction } from '../store/store.ts'
import type { TaskContext } from './context.ts'

const PSK_LENGTH = 32

/** What the server keeps of a temporary key's secrets. */
type KeptSecrets = Omit<TemporaryKeySecrets, 'historyKey'>

const labelOf = (pskId: Uint8Array) => `temporary key ${toHex(pskId)}`
const historyLabelOf = (pskId: Uint8Array) => `history under temporary key ${toHex(pskId)}`

/**
 * Seals what the server keeps of a temporary key until it ends.
 *
 * @param history - Sealed under the temporary key itself; null if it returns none.
 */
export function sealTemporaryKey(
  unlocked: Unlocked,
  { psk, pskId, macKey }: KeptSecrets,
  history: readonly Uint8Array[] | null,
): Pick<TemporaryKeyRow, 'sealedSecrets' | 'sealedHistory'> {
  const waiting = history && canonicalJson(history.map(toBase64url))
  return {
    sealedSecrets: unlocked.seal(labelOf(pskId), concat(psk, macKey)),
    sealedHistory: waiting && unlocked.seal(historyLabelOf(pskId), waiting),
  }
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
export async function openTemporaryKeySecrets(unlocked: Unlocked, key: TemporaryKeyRow): Promise<KeptSecrets> {
  if (key.sealedSecrets === null) throw new TypeError('the secrets of an ended temporary key are erased')
  const opened = unlocked.open(labelOf(key.pskId), key.sealedSecrets)
  return {
    psk: opened.slice(0, PSK_LENGTH),
    pskId: new Uint8Array(key.pskId),
    macKey: opened.slice(PSK_LENGTH),
  }
}

/**
 * Opens the history that waits under a live temporary key, as far as the server can: each piece stays sealed for the
 * holder of that key.
 *
 * @returns In base64url, oldest first; none for a key that returns no history.
 */
export function openWaitingHistory(unlocked: Unlocked, key: TemporaryKeyRow): string[] {
  if (key.sealedHistory === null) return []
  const opened = unlocked.open(historyLabelOf(key.pskId), key.sealedHistory)
  return JSON.parse(asText(opened, 'a waiting history')) as string[]
}

/** What the holder of a temporary key hears about its end. */
const ENDS: Record<TemporaryKeyEnd, { code: ErrorCode; message: string }> = {
  used: { code: 'temporary-key-used', message: 'the temporary key was used on' },
  expired: { code: 'temporary-key-expired', message: 'the temporary key expired on' },
  replaced: { code: 'temporary-key-replaced', message: 'the temporary key was replaced by a newer one on' },
  canceled: { code: 'temporary-key-canceled', message: 'the temporary key was canceled on' },
  revoked: { code: 'temporary-key-canceled', message: 'the temporary key ended when its mailbox was revoked on' },
}

/** The true reason for the holder of a temporary key that ended; nobody else knows its id. */
function endedError(end: NonNullable<TemporaryKeyRow['end']>, mailbox: Mailbox): MailsealError {
  const { code, message } = ENDS[end.how]
  return new MailsealError(code, `${message} ${formatDate(end.at)}`, { hint: hintAfter(end.how, mailbox) })
}

function hintAfter(how: TemporaryKeyEnd, { address, status, removed }: Mailbox): string {
  if (how === 'used') return 'use the key file of that enrollment; if it was not yours, tell your administrator at once'
  if (how === 'replaced') return 'use the newest temporary key that you were given'
  if (removed !== null) return 'ask your administrator: the mailbox was removed'
  return `ask your administrator for a new one ("mailseal-admin ${TASK_FOR_KEY[status]} ${address}")`
}

/** Which task gives a mailbox another temporary key. */
const TASK_FOR_KEY: Record<Status, TaskName> = {
  Undefined: 'enable',
  New: 'reissue',
  Active: 'recover',
  'Key recovery in progress': 'reissue',
  Disabled: 'enable',
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
  if (end !== null) throw endedError(end, mailbox)
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
