import { canonicalJson, type Random, sha256, utf8 } from '@mailseal/common'
import type { JournalRow, Transaction } from './store/store.ts'

const LABEL = utf8('mailseal/1 journal\n')
const SALT_LENGTH = 16

/** What the journal says of one task. No password, temporary key or secret ever stands in it. */
export interface JournalContent {
  /** Unix seconds. */
  readonly time: number
  readonly task: string
  /** Names of those whose passwords were right. */
  readonly administrators: readonly string[]
  /** The mailbox's address, or what else it was about; empty if nothing. */
  readonly subject: string
  /** `done`, or the code of the error that refused it. */
  readonly result: string
  readonly requestId: string
}

/**
 * Appends an entry behind the journal's head. Call it last in a transaction: it locks the head.
 *
 * @returns The entry's index.
 */
export async function record(tx: Transaction, random: Random, content: JournalContent): Promise<number> {
  const head = await tx.journalHead()
  const index = head.index + 1
  const salt = random(SALT_LENGTH)
  await tx.appendJournal({ ...content, index, salt, hash: hashOf(head.hash, { ...content, index, salt }) })
  return index
}

/**
 * The chain: h(i) = SHA-256(label, h(i-1), SHA-256(salt, canonical entry)). The inner hash is salted, so that an entry
 * can be erased and nobody can find it again by guessing.
 */
function hashOf(previous: Uint8Array, { salt, ...entry }: Omit<JournalRow, 'hash'>): Uint8Array<ArrayBuffer> {
  const { index, time, task, administrators, subject, result, requestId } = entry
  const written = canonicalJson({ index, time, task, administrators, subject, result, requestId })
  return sha256(LABEL, previous, sha256(salt, written))
}
