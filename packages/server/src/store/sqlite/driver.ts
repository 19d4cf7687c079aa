import type { DatabaseSync, StatementSync } from 'node:sqlite'
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import { untilFree } from './busy.ts'

/** More than all our statements; lists of any length after `in` make new ones. */
const STATEMENTS_KEPT = 200

type Bindable = string | number | bigint | Uint8Array | null

function asBindable(value: unknown): Bindable {
  if (value === null || typeof value === 'string' || typeof value === 'bigint') return value
  if (Number.isSafeInteger(value)) return value as number
  if (value instanceof Uint8Array) return value
  throw new TypeError(`a value of type ${typeof value} can't be stored`)
}

interface Prepared {
  readonly statement: StatementSync
  readonly hasRows: boolean
}

/** Prepared statements by their text; the one unused for longest goes first. */
class StatementCache {
  readonly #db: DatabaseSync
  readonly #statements = new Map<string, Prepared>()

  constructor(db: DatabaseSync) {
    this.#db = db
  }

  get(sql: string): Prepared {
    const prepared = this.#statements.get(sql) ?? this.#prepare(sql)
    this.#statements.delete(sql)
    this.#statements.set(sql, prepared)
    const [oldest] = this.#statements.keys()
    if (this.#statements.size > STATEMENTS_KEPT && oldest !== undefined) this.#statements.delete(oldest)
    return prepared
  }

  #prepare(sql: string): Prepared {
    const statement = this.#db.prepare(sql)
    return { statement, hasRows: statement.columns().length > 0 }
  }
}

class SqliteConnection implements DatabaseConnection {
  readonly #statements: StatementCache

  constructor(db: DatabaseSync) {
    this.#statements = new StatementCache(db)
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const bound = parameters.map(asBindable)
    return untilFree(() => {
      const { statement, hasRows } = this.#statements.get(sql)
      if (hasRows) return { rows: statement.all(...bound) as R[] }
      return { numAffectedRows: BigInt(statement.run(...bound).changes), rows: [] }
    })
  }

  // biome-ignore lint/correctness/useYield: kysely's interface wants the method, and nothing here streams
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new TypeError('queries are not streamed')
  }
}

/** The driver lends its one connection by itself: kysely's way of doing so wakes all that wait at each turn. */
class OwnQueueAdapter extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true
  }
}

/** Lets one holder at a time have the connection, in the order of asking. */
class SqliteDriver implements Driver {
  readonly #db: DatabaseSync
  readonly #connection: SqliteConnection
  #free: Promise<void> = Promise.resolve()
  #release: () => void = () => undefined

  constructor(db: DatabaseSync) {
    this.#db = db
    this.#connection = new SqliteConnection(db)
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const before = this.#free
    this.#free = promise
    await before
    this.#release = resolve
    return this.#connection
  }

  async releaseConnection(): Promise<void> {
    this.#release()
  }

  /** A deferred `begin` would fail in the middle, when another process wrote first. */
  async beginTransaction(): Promise<void> {
    await untilFree(() => this.#db.exec('begin immediate'))
  }

  async commitTransaction(): Promise<void> {
    this.#db.exec('commit')
  }

  async rollbackTransaction(): Promise<void> {
    // A full disk has rolled it back already.
    if (this.#db.isTransaction) this.#db.exec('rollback')
  }

  /** Whoever opened the database closes it. */
  async destroy(): Promise<void> {}
}

/** kysely over one connection of `node:sqlite`. */
export function sqliteDialect(db: DatabaseSync): Dialect {
  return {
    createDriver: () => new SqliteDriver(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createAdapter: () => new OwnQueueAdapter(),
    createIntrospector: (kysely) => new SqliteIntrospector(kysely),
  }
}
