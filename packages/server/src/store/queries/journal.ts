import type { Kysely, Selectable } from 'kysely'
import type { Schema } from '../schema.ts'
import type { JournalRow, Reads, Transaction } from '../store.ts'

const asJournalRow = (row: Selectable<Schema['journal']>): JournalRow => ({
  index: row.number,
  time: row.time,
  task: row.task,
  administrators: JSON.parse(row.administrators) as string[],
  subject: row.subject,
  result: row.result,
  requestId: row.request_id,
  salt: row.salt,
  hash: row.hash,
})

/** The journal and its head. */
export function journalReads(db: Kysely<Schema>) {
  return {
    async journal(after, limit) {
      const rows = await db
        .selectFrom('journal')
        .selectAll()
        .where('number', '>', after)
        .orderBy('number')
        .limit(limit)
        .execute()
      return rows.map(asJournalRow)
    },
    async journalHead() {
      const { number, hash } = await db.selectFrom('journal_head').selectAll().executeTakeFirstOrThrow()
      return { index: number, hash }
    },
  } satisfies Partial<Reads>
}

export function journalWrites(db: Kysely<Schema>) {
  return {
    async appendJournal({ index, administrators, requestId, ...row }) {
      const written = { ...row, administrators: JSON.stringify(administrators), request_id: requestId }
      const head = await db
        .updateTable('journal_head')
        .set({ number: index, hash: row.hash })
        .where('number', '=', index - 1)
        .executeTakeFirst()
      if (head.numUpdatedRows !== 1n) throw new TypeError('a journal entry must follow the newest')
      await db
        .insertInto('journal')
        .values({ number: index, ...written })
        .execute()
    },
  } satisfies Partial<Transaction>
}
