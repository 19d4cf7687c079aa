import { open } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as wait } from 'node:timers/promises'
import { MailsealError } from '@mailseal/common'
import { MIGRATIONS } from './migrations.ts'

/** How long another process may hold the write lock before we give up; a rewrite of the key file takes half a second. */
const LOCK_DEADLINE = 15_000
const LOCK_RETRY = 20
const SQLITE_BUSY = 5

/**
 * Opens the state's database, brings it to the present version and gives the file to its owner alone.
 *
 * @throws {@link MailsealError} `unreadable-file` if it is damaged or of a newer version, `busy`.
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
    throw error instanceof MailsealError ? error : unreadable(path, error)
  }
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
    throw unreadable(path, cause)
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
    database.exec('ROLLBACK')
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
      if ((cause as { errcode?: number }).errcode !== SQLITE_BUSY) throw cause
      if (Date.now() > deadline)
        throw new MailsealError('busy', 'another mailseal is at work on the same files', { cause })
    }
    await wait(LOCK_RETRY)
  }
}

function unreadable(path: string, cause: unknown): MailsealError {
  return new MailsealError('unreadable-file', `file "${path}" is damaged`, {
    hint: 'move it away and run: mailseal keyfile use with your key file',
    cause,
  })
}
