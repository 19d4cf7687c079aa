import type { DatabaseSync } from 'node:sqlite'
import type { Authority } from '@mailseal/common/authority'
import { asStateError, beginImmediate, openDatabase, rollBack } from './database.ts'
import { readerOf } from './reader.ts'
import { writerOf } from './writer.ts'

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

/** A key that was seen revoked, on a list or by its own certificate. */
export interface RevokedKey {
  readonly fingerprint: string
  /** As the revocation list words it; only `replaced` spares what was signed before. */
  readonly reason: string
  /** Unix seconds. */
  readonly at: number
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
  /** Every certificate held of an address, the current one first. */
  certificatesOf(address: string): readonly StoredCertificate[]
  certificateCount(): number
  /** Whether a key file that was opened here holds the key. */
  isOwnKey(fingerprint: string): boolean
  /** Fingerprints that the directory named for our address, that are not ours, and that nobody has acknowledged. */
  foreignCertificates(): readonly string[]
  /** What is remembered of a key's revocation, for ever. */
  revokedKey(fingerprint: string): RevokedKey | null
}

/** What may be changed while the write lock is held. */
export interface StateWriter extends StateReader {
  /** The identity's key becomes one of our own. */
  setIdentity(identity: Identity): void
  /**
   * Keeps the newer of two documents of the pinned root.
   *
   * @throws {@link MailsealError} `untrusted` if the root is another, or one version has two forms.
   */
  keepAuthority(document: Authority): void
  setListMemory(memory: ListMemory): void
  /**
   * Keeps a certificate together with every signature of the copy held, so that no revocation and no certification is
   * lost. One for our own address of a key that is not ours is remembered as foreign.
   *
   * @param isCurrent - Whether the directory names it as the address's current one.
   */
  keepCertificate(certificate: StoredCertificate, isCurrent: boolean): Promise<void>
  keepOwnKeys(fingerprints: readonly string[]): void
  /** @returns Whether such a foreign certificate was seen. */
  acknowledgeForeign(fingerprint: string): boolean
  /** Remembers a revocation: the earlier time counts, and `replaced` may give way to another reason. */
  rememberRevoked(revoked: RevokedKey): void
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
    ...readerOf(database, path),
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
    const result = await work(writerOf(database, path))
    database.exec('COMMIT')
    return result
  } catch (error) {
    rollBack(database)
    throw asStateError(path, error)
  }
}
