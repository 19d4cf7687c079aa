import { type Clock, MailsealError } from '@mailseal/common'
import type { Kysely } from 'kysely'
import type { Schema } from '../schema.ts'
import { first } from './0001-first.ts'
import { recovery } from './0002-recovery.ts'
import type { ColumnTypes, Migration } from './migration.ts'

/** Migration number n stands at index n - 1. */
const MIGRATIONS: readonly Migration[] = [first, recovery]

/**
 * Brings a database to this program's version; call it inside a transaction, so that all steps are done or none.
 *
 * @throws {@link MailsealError} `bad-data` if a newer program has written it.
 */
export async function migrate(tx: Kysely<Schema>, types: ColumnTypes, clock: Clock): Promise<void> {
  const version = await versionOf(tx, types)
  if (version > MIGRATIONS.length) {
    const message = `the database has version ${version}; this program knows versions up to ${MIGRATIONS.length}`
    throw new MailsealError('bad-data', message, { hint: 'install a newer mailseal-server' })
  }
  for (const [index, { name, up }] of MIGRATIONS.entries()) {
    if (index < version) continue
    await up(tx, types)
    await tx
      .insertInto('migrations')
      .values({ number: index + 1, name, applied: clock.now() })
      .execute()
  }
}

/** 0 for an empty database. */
async function versionOf(tx: Kysely<Schema>, types: ColumnTypes): Promise<number> {
  await tx.schema
    .createTable('migrations')
    .ifNotExists()
    .addColumn('number', types.integer, (column) => column.primaryKey())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('applied', types.integer, (column) => column.notNull())
    .execute()
  const { version } = await tx
    .selectFrom('migrations')
    .select(({ fn }) => fn.max('number').as('version'))
    .executeTakeFirstOrThrow()
  return version ?? 0
}
