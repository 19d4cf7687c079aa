import { open } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as wait } from 'node:timers/promises'
import { MailsealError } from '@mailseal/common'
import { MIGRATIONS } from './migrations.ts'

/** How long another process may hold the write lock before we give up; a rewrite of the key file takes half a second. */
const LOCK_DEADLINE = 15_000
const LOCK_RETRY = 20
/** Result codes without what their upper bits add (https://www.sqlite.org/rescode.html). */
const SQLITE = { busy: 5, readOnly: 8, ioError: 10, full: 13, cannotOpen: 14 }
const UNWRITABLE: ReadonlyMap<number, string> = new Map([
  [SQLITE.readOnly, 'it is read-only'],
  [SQLITE.ioError, 'the disk does not take it'],
  [SQLITE.full, 'the disk is full'],
  [SQLITE.cannotOpen, 'its folder does not allow it'],
])

/**
 * Opens the state's database, brings it to the present version and gives the file to its owner alone.
 *
 * @throws {@link MailsealError} `unreadable-file` if it is damaged or of a newer version, `unwritable-file`, `busy`.
 */
export async function openDatabase(path: string): Promise<DatabaseSync> {
  await createPrivate(path)
  const database = connect(path)
  try {
    await whenFree(() =>
      database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON'),
    )
    await migrate(database, path)
    return database
  } catch (error) {
    database.close()
    throw asStateError(path, error)
  }
}

/**
 * What SQLite threw, told apart: a full disk or another process at work must not pass for a damaged file, which people
 * are told to move away. Any other error stays as it is.
 */
export function asStateError(path: string, thrown: unknown): unknown {
  const code = sqliteCode(thrown)
  if (code === null) return thrown
  if (code === SQLITE.busy) return busy(thrown)
  const why = UNWRITABLE.get(code)
  if (why === undefined) return damaged(path, thrown)
  return new MailsealError('unwritable-file', `file "${path}" can't be written: ${why}`, { cause: thrown })
}

/** Ends a transaction that failed; SQLite has ended it already where the disk was full. */
export function rollBack(database: DatabaseSync): void {
  if (database.isTransaction) database.exec('ROLLBACK')
}

/** Takes the write lock; whoever else has it is waited for. */
export function beginImmediate(database: DatabaseSync): Promise<void> {
  return whenFree(() => database.exec('BEGIN IMMEDIATE'))
}

/** SQLite gives its own companion files the same permissions. */
async function createPrivate(path: string): Promise<void> {
  try {
    const file = await open(path, 'a', 0o600)
    await file.close()
  } catch (cause) {
    throw new MailsealError('unwritable-file', `file "${path}" can't be written`, { cause })
  }
}

function connect(path: string): DatabaseSync {
  try {
    return new DatabaseSync(path, { timeout: 0 })
  } catch (cause) {
    throw asStateError(path, cause)
  }
}

async function migrate(database: DatabaseSync, path: string): Promise<void> {
  if (versionOf(database) === MIGRATIONS.length) return
  await beginImmediate(database)
  try {
    const version = versionOf(database)
    if (version > MIGRATIONS.length) {
      throw new MailsealError('unreadable-file', `file "${path}" is of a newer version of mailseal`, {
        hint: 'use the newest mailseal on this computer',
      })
    }
    for (const step of MIGRATIONS.slice(version)) database.exec(step)
    database.exec(`PRAGMA user_version = ${MIGRATIONS.length}; COMMIT`)
  } catch (error) {
    rollBack(database)
    throw error
  }
}

function versionOf(database: DatabaseSync): number {
  return Number(database.prepare('PRAGMA user_version').get()?.user_version)
}

/** Tries again while another process has the lock, without blocking this one. */
async function whenFree(attempt: () => void): Promise<void> {
  const deadline = Date.now() + LOCK_DEADLINE
  for (;;) {
    try {
      return attempt()
    } catch (cause) {
      if (sqliteCode(cause) !== SQLITE.busy) throw cause
      if (Date.now() > deadline) throw busy(cause)
    }
    await wait(LOCK_RETRY)
  }
}

function sqliteCode(thrown: unknown): number | null {
  if (!(thrown instanceof Error) || !('errcode' in thrown) || typeof thrown.errcode !== 'number') return null
  return thrown.errcode & 0xff
}

function busy(cause: unknown): MailsealError {
  return new MailsealError('busy', 'another mailseal is at work on the same files', { cause })
}

function damaged(path: string, cause: unknown): MailsealError {
  return new MailsealError('unreadable-file', `file "${path}" is damaged`, {
    hint: 'move it away and run: mailseal keyfile use with your key file',
    cause,
  })
}
