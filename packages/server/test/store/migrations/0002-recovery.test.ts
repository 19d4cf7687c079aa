import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Kysely } from 'kysely'
import { expect, it, onTestFinished } from 'vitest'
import { first } from '../../../src/store/migrations/0001-first.ts'
import type { Schema } from '../../../src/store/schema.ts'
import { sqliteDialect } from '../../../src/store/sqlite/driver.ts'
import { openSqliteStore } from '../../../src/store/sqlite/index.ts'
import { temporaryFolder } from '../back-ends.ts'
import { bytes, certificateRow, DAY, keyRow, mailboxRow, NOW, temporaryKeyRow } from '../rows.ts'

const SERIAL = 'a'.repeat(16)

/** A database as version 1 left it: an Active mailbox, and a New one whose temporary key waits. */
async function versionOne(): Promise<string> {
  const path = join(await temporaryFolder(), 'test.sqlite')
  const db = new DatabaseSync(path)
  const kysely = new Kysely<Schema>({ dialect: sqliteDialect(db) })
  await kysely.transaction().execute((tx) => first.up(tx, { integer: 'integer', bytes: 'blob' }))
  const insert = (table: string, ...values: (string | number | Uint8Array | null)[]) =>
    db.prepare(`insert into ${table} values (${values.map(() => '?').join(', ')})`).run(...values)
  db.exec('create table migrations (number integer primary key, name text not null, applied integer not null)')
  insert('migrations', 1, 'first', NOW)
  const fingerprint = 'f'.repeat(40)
  insert('mailboxes', 'a'.repeat(32), 'a@example.org', 'A', 'Active', 3, SERIAL, NOW)
  insert('mailboxes', 'b'.repeat(32), 'b@example.org', 'B', 'New', 2, null, NOW)
  insert('keys', fingerprint, 'f0'.repeat(20), 'a'.repeat(32), bytes(5, 800), bytes(6, 200), bytes(7, 200), NOW)
  insert('certificates', SERIAL, fingerprint, 'a'.repeat(32), NOW, NOW + 500 * DAY, NOW)
  insert('archive_entries', 'a'.repeat(32), 1, 'f0'.repeat(20), bytes(1, 200), NOW)
  insert('revocations', SERIAL, NOW + 5, 20_000, 'left')
  const [expires, offer] = [NOW + 14 * DAY, bytes(2, 100)]
  const waiting = [expires, bytes(1), offer, bytes(3), bytes(4, 80), 0, null, null] as const
  insert('temporary_keys', bytes(1, 16), 'b'.repeat(32), NOW, ...waiting)
  db.close()
  return path
}

it('keeps what version 1 wrote, and makes room for histories and removals', async () => {
  const store = await openSqliteStore(await versionOne())
  onTestFinished(() => store.close())
  const [a, b] = [
    mailboxRow('a', { status: 'Active', version: 3, currentSerial: SERIAL }),
    mailboxRow('b', { status: 'New', version: 2 }),
  ]
  const key = keyRow(a, 'f')
  const temporaryKey = temporaryKeyRow(b, 1, { sealedHistory: null, withHistory: false })
  const revocation = { serial: SERIAL, revokedAt: NOW + 5, expiryDay: 20_000, reason: 'left' }
  await store.read(async (reads) => {
    expect([await reads.mailbox(a.id), await reads.mailbox(b.id)]).toEqual([a, b])
    expect(await reads.newestKey(a.id)).toEqual(key)
    expect(await reads.unexpiredCertificates(a.id, NOW)).toEqual([{ ...certificateRow(key, SERIAL), revocation }])
    expect(await reads.owedEnds()).toEqual([{ fingerprint: key.fingerprint, reason: 'left', at: NOW + 5 }])
    expect(await reads.archiveEntries(a.id)).toMatchObject([{ generation: 1, entry: bytes(1, 200) }])
    expect(await reads.liveTemporaryKey(b.id)).toEqual(temporaryKey)
    expect(await reads.mailboxViews({ limit: 10 }, NOW)).toMatchObject([{ archivedKeys: 1 }, { archivedKeys: 0 }])
  })
  expect(await store.transaction((tx) => tx.removeMailbox(a, NOW + 9))).toBe(true)
  expect(await store.transaction((tx) => tx.endTemporaryKey(bytes(1, 16), 'used', NOW + 9))).toBe(true)
})
