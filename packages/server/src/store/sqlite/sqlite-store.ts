import { AsyncLocalStorage } from 'node:async_hooks'
import { access, constants, open, stat } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { type Clock, MailsealError, systemClock } from '@mailseal/common'
import { Kysely } from 'kysely'
import { migrate } from '../migrations/migrate.ts'
import type { ColumnTypes } from '../migrations/migration.ts'
import { readsOn, transactionOn } from '../queries/index.ts'
import type { Schema } from '../schema.ts'
import type { Reads, Store, Transaction } from '../store.ts'
import { sqliteCode, untilFree } from './busy.ts'
import { sqliteDialect } from './driver.ts'

const TYPES: ColumnTypes = { integer: 'integer', bytes: 'blob' }
const SQLITE_NOT_A_DATABASE = 26
/** SQLITE_PERM, SQLITE_READONLY, SQLITE_CANTOPEN. */
const NOT_OURS_TO_WRITE: ReadonlySet<number> = new Set([3, 8, 14])

/** Erased secrets leave no bytes; a transaction that is done survives a power failure. */
const PRAGMAS = `
  pragma journal_mode = wal;
  pragma synchronous = full;
  pragma foreign_keys = on;
  pragma secure_delete = on;
`

/** Milliseconds. */
const LOG_KEPT = 1000

class SqliteStore implements Store {
  readonly #writing: DatabaseSync
  readonly #reading: DatabaseSync
  readonly #writer: Kysely<Schema>
  readonly #reads: Reads
  /** Set in all that a transaction's work calls; `over` once it has ended, for what outlives it. */
  readonly #inside = new AsyncLocalStorage<{ over: boolean }>()
  /** What `close` waits for. */
  readonly #underWay = new Set<Promise<unknown>>()
  #truncation: NodeJS.Timeout | null = null
  #closed = false

  constructor(writing: DatabaseSync, reading: DatabaseSync) {
    this.#writing = writing
    this.#reading = reading
    this.#writer = new Kysely({ dialect: sqliteDialect(writing) })
    this.#reads = readsOn(new Kysely({ dialect: sqliteDialect(reading) }))
  }

  async migrate(clock: Clock): Promise<void> {
    await this.#writer.transaction().execute((tx) => migrate(tx, TYPES, clock))
  }

  async read<T>(work: (reads: Reads) => Promise<T>): Promise<T> {
    this.#assertUsable()
    return this.#untilDone(work(this.#reads))
  }

  async transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    this.#assertUsable()
    const state = { over: false }
    const inside = (tx: Kysely<Schema>) => this.#inside.run(state, () => work(transactionOn(tx)))
    try {
      return await this.#untilDone(this.#writer.transaction().execute(inside))
    } finally {
      state.over = true
      this.#truncateLogSoon()
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#assertUsable()
    this.#closed = true
    await Promise.allSettled(this.#underWay)
    if (this.#truncation) clearTimeout(this.#truncation)
    this.#reading.close()
    this.#truncateLog()
    this.#writing.close()
  }

  async #untilDone<T>(work: Promise<T>): Promise<T> {
    this.#underWay.add(work)
    try {
      return await work
    } finally {
      this.#underWay.delete(work)
    }
  }

  /**
   * Empties the write-ahead log, which else keeps what was erased from the database until it is overwritten.
   * At most once a second, for it costs a sync.
   */
  #truncateLogSoon(): void {
    if (!this.#closed) this.#truncation ??= setTimeout(() => this.#truncateLog(), LOG_KEPT).unref()
  }

  #truncateLog(): void {
    this.#truncation = null
    // The transaction that is under way comes here at its end.
    if (this.#writing.isTransaction) return
    try {
      const { busy } = this.#writing.prepare('pragma wal_checkpoint(truncate)').get() as { busy: number }
      // Another program, such as a backup, still reads the log.
      if (busy !== 0) this.#truncateLogSoon()
    } catch (thrown) {
      // Whatever keeps the log as it is, such as a full disk: all of it stays readable, and the next one tries again.
      if (sqliteCode(thrown) === null) throw thrown
      this.#truncateLogSoon()
    }
  }

  #assertUsable(): void {
    if (this.#closed) throw new TypeError('the store is closed')
    if (this.#inside.getStore()?.over === false) {
      throw new TypeError('inside a transaction use the transaction, not the store: it would wait for itself')
    }
  }
}

/** Makes the file if it is missing, readable by its owner alone; SQLite gives the files beside it the same mode. */
async function createDatabaseFile(path: string): Promise<void> {
  try {
    await using _file = await open(path, 'a', 0o600)
  } catch (cause) {
    throw unusable(path, cause)
  }
}

/**
 * Refuses a path at which no database lies, or one that could only be read. Opens nothing.
 *
 * @throws {@link MailsealError} `not-found` or `unwritable-file`.
 */
export async function assertDatabaseFile(path: string): Promise<void> {
  const found = await stat(path).catch((cause) => {
    if (cause.code === 'ENOENT' || cause.code === 'ENOTDIR') return null
    throw unusable(path, cause)
  })
  if (found?.isFile()) {
    // SQLite would find out at the first change.
    return access(path, constants.R_OK | constants.W_OK).catch((cause) => {
      throw unusable(path, cause)
    })
  }
  throw new MailsealError('not-found', `there is no database "${path}"`, {
    hint: 'initialize the KM server first: mailseal-server init --organization NAME --domain DOMAIN --administrator NAME',
  })
}

function openDatabase(path: string): DatabaseSync {
  try {
    return new DatabaseSync(path)
  } catch (cause) {
    throw asOpenFailure(path, cause)
  }
}

/** Only the first access shows whether it is a database, and makes the log that the read-only connection needs. */
async function openConnections(path: string): Promise<SqliteStore> {
  const writing = openDatabase(path)
  try {
    await untilFree(() => writing.exec(PRAGMAS))
    return new SqliteStore(writing, new DatabaseSync(path, { readOnly: true }))
  } catch (cause) {
    writing.close()
    throw asOpenFailure(path, cause)
  }
}

function asOpenFailure(path: string, cause: unknown): unknown {
  const code = sqliteCode(cause)
  if (code === SQLITE_NOT_A_DATABASE) {
    return new MailsealError('bad-data', `file "${path}" is not a database of Mailseal`, { cause })
  }
  return code !== null && NOT_OURS_TO_WRITE.has(code) ? unusable(path, cause) : cause
}

function unusable(path: string, cause: unknown): MailsealError {
  return new MailsealError('unwritable-file', `database "${path}" can't be opened for reading and writing`, {
    hint: 'run the KM server as the owner of its data folder, on a disk that can be written to',
    cause,
  })
}

/**
 * Opens the SQLite database of a KM server and brings it to this program's version.
 *
 * @param options.create - Makes the database if there is none; its folder must exist.
 * @throws {@link MailsealError} `not-found`; `unwritable-file`; `bad-data` if it is none of ours or written by a newer
 *   program; `busy`.
 */
export async function openSqliteStore(
  path: string,
  { create = false, clock = systemClock }: { readonly create?: boolean; readonly clock?: Clock } = {},
): Promise<Store> {
  await (create ? createDatabaseFile(path) : assertDatabaseFile(path))
  const store = await openConnections(path)
  try {
    await store.migrate(clock)
    return store
  } catch (cause) {
    await store.close()
    throw asOpenFailure(path, cause)
  }
}
