import type { Migration } from './migration.ts'

/**
 * What recovery, renewal and the removal of mailboxes need. Version 1 put serial numbers on the revocation list without
 * publishing the end of their keys: those keys are marked.
 */
export const recovery: Migration = {
  name: 'recovery',
  async up(db, { integer, bytes }) {
    await db.schema.alterTable('mailboxes').addColumn('removed', integer).execute()
    await db.schema.alterTable('temporary_keys').addColumn('sealed_history', bytes).execute()
    await db.schema
      .alterTable('temporary_keys')
      .addColumn('with_history', integer, (column) => column.notNull().defaultTo(0))
      .execute()
    await db.schema
      .alterTable('keys')
      .addColumn('owes_end', integer, (column) => column.notNull().defaultTo(0))
      .execute()
    const revoked = db
      .selectFrom('certificates')
      .innerJoin('revocations', 'revocations.serial', 'certificates.serial')
      .select('certificates.fingerprint')
    await db.updateTable('keys').set({ owes_end: 1 }).where('fingerprint', 'in', revoked).execute()
    await db.schema.createIndex('keys_of').on('keys').columns(['mailbox_id', 'added']).execute()
    await db.schema
      .createIndex('certificates_of_key')
      .on('certificates')
      .columns(['fingerprint', 'valid_from'])
      .execute()
  },
}
