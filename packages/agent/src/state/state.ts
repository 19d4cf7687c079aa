import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import { type Authority, assertSuccessor, readAuthority } from '@mailseal/common/authority'
import { asStateError, beginImmediate, openDatabase, rollBack } from './database.ts'

/** Who this agent is. Times are Unix seconds. */
export interface Identity {
  readonly mailbox: string
  readonly address: string
  readonly serial: string
  /** Lower-case hex. */
  readonly fingerprint: string
  readonly validFrom: number
  readonly validTo: number
  readonly server: string
  /** Opens the organization's directory. */
  readonly directoryToken: string
}

/** The newest revocation list that was ever installed here. */
export interface ListMemory {
  readonly number: number
  /** SHA-256 of its bytes. */
  readonly hash: Uint8Array
  readonly etag: string | null
}

/** A certificate as the agent keeps it: certified by a trusted CA when it came. */
export interface StoredCertificate {
  readonly fingerprint: string
  readonly address: string
  readonly certificate: Uint8Array
  /** Unix seconds. */
  readonly fetched: number
}

/** What the state says. */
export interface StateReader {
  identity(): Identity | null
  /** The newest authority document seen; its root is pinned. */
  authority(): Authority | null
  listMemory(): ListMemory | null
  certificate(fingerprint: string): StoredCertificate | null
  /** The certificate that the directory named as the address's current one. */
  currentCertificate(address: string): StoredCertificate | null
  certificateCount(): number
}

/** What may be changed while the write lock is held. */
export interface StateWriter extends StateReader {
  setIdentity(identity: Identity): void
  /**
   * Keeps the newer of two documents of the pinned root.
   *
   * @throws {@link MailsealError} `untrusted` if the root is another, or one version has two forms.
   */
  keepAuthority(document: Authority): void
  setListMemory(memory: ListMemory): void
  /** @param isCurrent - Whether the directory names it as the address's current one. */
  keepCertificate(certificate: StoredCertificate, isCurrent: boolean): void
}

/** The agent's own memory beside the key file: a SQLite database. */
export interface State extends StateReader {
  /**
   * Does `work` with the write lock held, across processes: what it changes is there in full or not at all. The lock
   * guards the key file and the revocation list as well.
   *
   * @throws {@link MailsealError} `busy` if the lock could not be had.
   */
  exclusively<T>(work: (state: StateWriter) => Promise<T>): Promise<T>
  /** Closing twice is closing once. */
  close(): void
}

/** @throws {@link MailsealError} `unreadable-file`, `unwritable-file`, `busy`. */
export async function openState(path: string): Promise<State> {
  const database = await openDatabase(path)
  const writing = await openDatabase(path)
  let last: Promise<unknown> = Promise.resolve()
  return {
    ...reader(database, path),
    exclusively(work) {
      const run = last.then(() => inTransaction(writing, path, work))
      last = run.catch(() => undefined)
      return run
    },
    close() {
      for (const connection of [database, writing]) if (connection.isOpen) connection.close()
    },
  }
}

async function inTransaction<T>(
  database: DatabaseSync,
  path: string,
  work: (state: StateWriter) => Promise<T>,
): Promise<T> {
  try {
    await beginImmediate(database)
    const result = await work(writer(database, path))
    database.exec('COMMIT')
    return result
  } catch (error) {
    rollBack(database)
    throw asStateError(path, error)
  }
}

function reader(database: DatabaseSync, path: string): StateReader {
  const get = (sql: string, ...values: SQLInputValue[]) => {
    try {
      return database.prepare(sql).get(...values)
    } catch (error) {
      throw asStateError(path, error)
    }
  }
  const CERTIFICATE = 'SELECT fingerprint, address, certificate, fetched FROM certificates'
  return {
    identity() {
      const row = get(
        `SELECT mailbox, address, serial, fingerprint, valid_from AS validFrom, valid_to AS validTo, server,
           directory_token AS directoryToken FROM identity`,
      )
      return row === undefined ? null : ({ ...row } as unknown as Identity)
    },
    authority() {
      const row = get('SELECT document FROM authority')
      return row === undefined ? null : readAuthority(row.document as Uint8Array)
    },
    listMemory() {
      const row = get('SELECT number, hash, etag FROM revocation_list')
      return row === undefined ? null : ({ ...row } as unknown as ListMemory)
    },
    certificate: (fingerprint) => asCertificate(get(`${CERTIFICATE} WHERE fingerprint = ?`, fingerprint)),
    currentCertificate: (address) => asCertificate(get(`${CERTIFICATE} WHERE address = ? AND is_current = 1`, address)),
    certificateCount: () => Number(get('SELECT count(*) AS count FROM certificates')?.count),
  }
}

function asCertificate(row: Record<string, unknown> | undefined): StoredCertificate | null {
  return row === undefined ? null : ({ ...row } as unknown as StoredCertificate)
}

function writer(database: DatabaseSync, path: string): StateWriter {
  const run = (sql: string, ...values: SQLInputValue[]) => database.prepare(sql).run(...values)
  const read = reader(database, path)
  return {
    ...read,
    setIdentity(identity) {
      const { mailbox, address, serial, fingerprint, validFrom, validTo, server, directoryToken } = identity
      run(
        'INSERT OR REPLACE INTO identity VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)',
        ...[mailbox, address, serial, fingerprint, validFrom, validTo, server, directoryToken],
      )
    },
    keepAuthority(document) {
      const held = read.authority()
      if (held !== null && held.version > document.version) return assertSuccessor(document, held)
      if (held !== null) assertSuccessor(held, document)
      run('INSERT OR REPLACE INTO authority VALUES (1, ?)', document.bytes)
    },
    setListMemory({ number, hash, etag }) {
      run('INSERT OR REPLACE INTO revocation_list VALUES (1, ?, ?, ?)', number, hash, etag)
    },
    keepCertificate({ fingerprint, address, certificate, fetched }, isCurrent) {
      if (isCurrent) run('UPDATE certificates SET is_current = 0 WHERE address = ?', address)
      run(
        `INSERT INTO certificates VALUES (?, ?, ?, ?, ?) ON CONFLICT (fingerprint) DO UPDATE SET
           address = excluded.address, certificate = excluded.certificate, fetched = excluded.fetched,
           is_current = max(is_current, excluded.is_current)`,
        ...[fingerprint, address, certificate, fetched, isCurrent ? 1 : 0],
      )
    },
  }
}
