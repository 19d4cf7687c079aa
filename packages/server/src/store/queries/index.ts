import type { Kysely } from 'kysely'
import type { Schema } from '../schema.ts'
import type { Reads, Transaction } from '../store.ts'
import { answerReads, answerWrites } from './answers.ts'
import { certificateReads, certificateWrites } from './certificates.ts'
import { journalReads, journalWrites } from './journal.ts'
import { mailboxViewReads } from './mailbox-views.ts'
import { mailboxReads, mailboxWrites } from './mailboxes.ts'
import { organizationReads, organizationWrites } from './organization.ts'
import { revocationReads, revocationWrites } from './revocations.ts'
import { temporaryKeyReads, temporaryKeyWrites } from './temporary-keys.ts'

/** All look-ups on one connection; the same in every dialect. */
export function readsOn(db: Kysely<Schema>): Reads {
  return {
    ...organizationReads(db),
    ...mailboxReads(db),
    ...mailboxViewReads(db),
    ...temporaryKeyReads(db),
    ...certificateReads(db),
    ...revocationReads(db),
    ...answerReads(db),
    ...journalReads(db),
  }
}

/** All that a transaction does; `db` must be inside one. */
export function transactionOn(db: Kysely<Schema>): Transaction {
  return {
    ...readsOn(db),
    ...organizationWrites(db),
    ...mailboxWrites(db),
    ...temporaryKeyWrites(db),
    ...certificateWrites(db),
    ...revocationWrites(db),
    ...answerWrites(db),
    ...journalWrites(db),
  }
}
