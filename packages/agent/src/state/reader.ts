import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import { readAuthority } from '@mailseal/common/authority'
import { asStateError } from './database.ts'
import type { Identity, ListMemory, RevokedKey, StateReader, StoredCertificate } from './state.ts'

type Row = Record<string, unknown>

const IDENTITY = `SELECT mailbox, address, serial, fingerprint, valid_from AS validFrom, valid_to AS validTo, server,
  directory_token AS directoryToken FROM identity`
const CERTIFICATE = 'SELECT fingerprint, address, certificate, fetched FROM certificates'
const FOREIGN = `SELECT foreign_certificates.fingerprint FROM foreign_certificates JOIN identity USING (address)
  WHERE is_acknowledged = 0 AND foreign_certificates.fingerprint NOT IN (SELECT fingerprint FROM own_keys)
  ORDER BY foreign_certificates.fingerprint`

/** Reads the state over one connection; what is damaged in it is named by its path. */
export function readerOf(database: DatabaseSync, path: string): StateReader {
  const all = (sql: string, ...values: SQLInputValue[]): Row[] => {
    try {
      return database.prepare(sql).all(...values)
    } catch (error) {
      throw asStateError(path, error)
    }
  }
  const one = <T>(sql: string, ...values: SQLInputValue[]): T | null => {
    const [row] = all(sql, ...values)
    // Each statement names the members of its type; the table is STRICT.
    return row === undefined ? null : ({ ...row } as T)
  }
  return {
    identity: () => one<Identity>(IDENTITY),
    authority() {
      const row = one<{ document: Uint8Array }>('SELECT document FROM authority')
      return row === null ? null : readAuthority(row.document)
    },
    listMemory: () => one<ListMemory>('SELECT number, hash, etag FROM revocation_list'),
    certificate: (fingerprint) => one<StoredCertificate>(`${CERTIFICATE} WHERE fingerprint = ?`, fingerprint),
    currentCertificate: (address) =>
      one<StoredCertificate>(`${CERTIFICATE} WHERE address = ? AND is_current = 1`, address),
    certificatesOf: (address) =>
      all(`${CERTIFICATE} WHERE address = ? ORDER BY is_current DESC, fetched DESC, fingerprint`, address).map(
        (row) => ({ ...row }) as unknown as StoredCertificate,
      ),
    certificateCount: () => one<{ count: number }>('SELECT count(*) AS count FROM certificates')?.count ?? 0,
    isOwnKey: (fingerprint) => one('SELECT 1 FROM own_keys WHERE fingerprint = ?', fingerprint) !== null,
    foreignCertificates: () => all(FOREIGN).map((row) => String(row.fingerprint)),
    revokedKey: (fingerprint) =>
      one<RevokedKey>('SELECT fingerprint, reason, at FROM revoked_keys WHERE fingerprint = ?', fingerprint),
  }
}
