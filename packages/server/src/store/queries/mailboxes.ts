import { MailsealError } from '@mailseal/common'
import { STATUSES, type Status } from '@mailseal/common/rpc'
import type { Kysely, Selectable } from 'kysely'
import type { Schema } from '../schema.ts'
import type { Mailbox, Reads, Transaction } from '../store.ts'

/** The status in a row. Only these programs write it, so that another one is damage. */
export function asStatus(text: string): Status {
  const status = STATUSES.find((known) => known === text)
  if (status === undefined) throw new TypeError('the database holds an unknown status')
  return status
}

const asMailbox = (row: Selectable<Schema['mailboxes']>): Mailbox => ({
  id: row.id,
  address: row.address,
  name: row.name,
  status: asStatus(row.status),
  version: row.version,
  currentSerial: row.current_serial,
  added: row.added,
})

/** Mailboxes, and what their agents report. */
export function mailboxReads(db: Kysely<Schema>) {
  return {
    async mailbox(id) {
      const row = await db.selectFrom('mailboxes').selectAll().where('id', '=', id).executeTakeFirst()
      return row ? asMailbox(row) : null
    },
    async mailboxByAddress(address) {
      const row = await db.selectFrom('mailboxes').selectAll().where('address', '=', address).executeTakeFirst()
      return row ? asMailbox(row) : null
    },
  } satisfies Partial<Reads>
}

export function mailboxWrites(db: Kysely<Schema>) {
  return {
    async addMailbox({ currentSerial, ...mailbox }) {
      const insert = db.insertInto('mailboxes').values({ ...mailbox, current_serial: currentSerial })
      const added = await insert.onConflict((conflict) => conflict.column('address').doNothing()).executeTakeFirst()
      if (added.numInsertedOrUpdatedRows === 1n) return
      throw new MailsealError('already-exists', `there is already a mailbox with the address ${mailbox.address}`)
    },
    async changeMailbox({ id, status, version }, change) {
      const result = await db
        .updateTable('mailboxes')
        .set({ version: version + 1 })
        .$if(change.status !== undefined, (update) => update.set('status', change.status ?? status))
        .$if(change.currentSerial !== undefined, (update) => update.set('current_serial', change.currentSerial ?? null))
        .where((row) => row.and({ id, status, version }))
        .executeTakeFirst()
      return result.numUpdatedRows === 1n
    },
    async putReport(mailboxId, { time, crlNumber, version }) {
      const report = { time, crl_number: crlNumber, version }
      await db
        .insertInto('reports')
        .values({ mailbox_id: mailboxId, ...report })
        .onConflict((conflict) => conflict.column('mailbox_id').doUpdateSet(report))
        .execute()
    },
  } satisfies Partial<Transaction>
}
