import { MailsealError } from '@mailseal/common'
import { STATUSES, type Status } from '@mailseal/common/rpc'
import type { Kysely, Selectable, Updateable } from 'kysely'
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
  removed: row.removed,
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
  const taken = (address: string) =>
    new MailsealError('already-exists', `there is already a mailbox with the address ${address}`)

  const assertFree = async (address: string) => {
    if ((await mailboxReads(db).mailboxByAddress(address)) !== null) throw taken(address)
  }

  /** As it was read, or not at all. */
  const update = async ({ id, status, version }: Mailbox, change: Updateable<Schema['mailboxes']>) => {
    const result = await db
      .updateTable('mailboxes')
      .set({ ...change, version: version + 1 })
      .where((row) => row.and({ id, status, version }))
      .executeTakeFirst()
    return result.numUpdatedRows === 1n
  }

  return {
    async addMailbox({ currentSerial, ...mailbox }) {
      const insert = db.insertInto('mailboxes').values({ ...mailbox, current_serial: currentSerial })
      const added = await insert.onConflict((conflict) => conflict.column('address').doNothing()).executeTakeFirst()
      if (added.numInsertedOrUpdatedRows === 1n) return
      throw taken(mailbox.address)
    },
    async changeMailbox(mailbox, { currentSerial, ...change }) {
      const { address } = change
      if (address !== undefined && address !== mailbox.address) await assertFree(address)
      return update(mailbox, { ...change, ...(currentSerial === undefined ? {} : { current_serial: currentSerial }) })
    },
    removeMailbox(mailbox, at) {
      const forgotten = { address: mailbox.id, name: '', status: 'Undefined', current_serial: null }
      return update(mailbox, { ...forgotten, removed: at })
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
