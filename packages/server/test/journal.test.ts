import { createHash } from 'node:crypto'
import { canonicalJson } from '@mailseal/common'
import { describe, expect, it } from 'vitest'
import { databasePath, openSqliteStore } from '../src/store/sqlite/index.ts'
import type { JournalRow } from '../src/store/store.ts'
import { organization } from './organization.ts'

const digest = (...parts: (string | Uint8Array)[]) =>
  parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest()

/** The chain as DESIGN.md defines it, written a second time. */
function headOf(rows: readonly JournalRow[]): string {
  let head: Uint8Array = new Uint8Array(32)
  for (const { salt, hash: _, administrators, ...entry } of rows) {
    const content = canonicalJson({ ...entry, administrators: [...administrators] })
    head = digest('mailseal/1 journal\n', head, digest(salt, content))
  }
  return Buffer.from(head).toString('hex')
}

describe('the journal', () => {
  it('is a chain of salted hashes, and every entry counts', async () => {
    const org = await organization()
    for (let i = 0; i < 4; i++) await org.task('mailboxes.add', { address: `user${i}@example.org`, name: '' })
    const { head, entries } = await org.task('journal', {})
    await org.stop()
    const store = await openSqliteStore(databasePath(org.dataFolder))
    const rows = await store.read((reads) => reads.journal(0, 100))
    await store.close()
    expect(rows.map(({ index }) => index)).toEqual([1, 2, 3, 4, 5])
    expect(headOf(rows)).toBe(head)
    expect(rows.map((_, i) => headOf(rows.slice(0, i + 1)))).toEqual(entries.map(({ hash }) => hash))
    expect(new Set(rows.map(({ salt }) => Buffer.from(salt).toString('hex'))).size).toBe(5)
    const [first, second, ...rest] = rows
    if (!first || !second) throw new TypeError('no rows')
    for (const changed of [{ time: 1 }, { task: 'x' }, { administrators: [] }, { subject: 'x' }, { result: 'x' }]) {
      expect(headOf([first, { ...second, ...changed }, ...rest])).not.toBe(head)
    }
    expect(headOf([second, first, ...rest])).not.toBe(head)
    expect(headOf([first, ...rest])).not.toBe(head)
  })

  it('is shown page by page', async () => {
    const org = await organization()
    await org.task('mailboxes.add', { address: 'alice@example.org', name: '' })
    const { entries, next } = await org.task('journal', { after: 1 })
    expect(entries.map(({ index, task }) => [index, task])).toEqual([[2, 'mailboxes.add']])
    expect(next).toBeNull()
  })
})
