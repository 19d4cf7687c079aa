import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import { MailsealError } from '@mailseal/common'
import { assertSuccessor, trustedAuthorities } from '@mailseal/common/authority'
import { mergeCertificates, parseCertificate, withRightSignatures } from '@mailseal/common/certificate'
import { readerOf } from './reader.ts'
import type { StateReader, StateWriter } from './state.ts'

/** Changes the state over a connection that holds the write lock. */
export function writerOf(database: DatabaseSync, path: string): StateWriter {
  const run = (sql: string, ...values: SQLInputValue[]) => database.prepare(sql).run(...values)
  const read = readerOf(database, path)
  const keepOwnKeys = (fingerprints: readonly string[]) => {
    for (const fingerprint of fingerprints) run('INSERT OR IGNORE INTO own_keys VALUES (?)', fingerprint)
  }
  return {
    ...read,
    setIdentity(identity) {
      const { mailbox, address, serial, fingerprint, validFrom, validTo, server, directoryToken } = identity
      run(
        'INSERT OR REPLACE INTO identity VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)',
        ...[mailbox, address, serial, fingerprint, validFrom, validTo, server, directoryToken],
      )
      keepOwnKeys([fingerprint])
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
    async keepCertificate({ fingerprint, address, certificate, fetched }, isCurrent) {
      const kept = await withHeldSignatures(read, fingerprint, certificate)
      if (isCurrent) {
        run('UPDATE certificates SET is_current = 0 WHERE address = ?', address)
        if (isForeign(read, fingerprint, address)) {
          run('INSERT OR IGNORE INTO foreign_certificates VALUES (?, ?, 0)', fingerprint, address)
        }
      }
      run(
        `INSERT INTO certificates VALUES (?, ?, ?, ?, ?) ON CONFLICT (fingerprint) DO UPDATE SET
           address = excluded.address, certificate = excluded.certificate, fetched = excluded.fetched,
           is_current = max(is_current, excluded.is_current)`,
        ...[fingerprint, address, kept, fetched, isCurrent ? 1 : 0],
      )
    },
    keepOwnKeys,
    acknowledgeForeign: (fingerprint) =>
      Number(run('UPDATE foreign_certificates SET is_acknowledged = 1 WHERE fingerprint = ?', fingerprint).changes) > 0,
    rememberRevoked({ fingerprint, reason, at }) {
      run(
        `INSERT INTO revoked_keys VALUES (?, ?, ?) ON CONFLICT (fingerprint) DO UPDATE SET
           reason = iif(reason = 'replaced', excluded.reason, reason), at = min(at, excluded.at)`,
        ...[fingerprint, reason, at],
      )
    },
  }
}

/**
 * The new copy with all that the held one has besides; the new one alone where the two can't be one certificate. Where
 * that is more than is ever read, wrong signatures make room: they would push out a revocation or a renewal.
 */
async function withHeldSignatures(read: StateReader, fingerprint: string, certificate: Uint8Array) {
  const held = read.certificate(fingerprint)
  if (held === null) return certificate
  const copies = [certificate, held.certificate] as const
  return (
    (await readableMerge(async () => copies)) ?? (await readableMerge(() => onlyRight(read, copies))) ?? certificate
  )
}

async function onlyRight(read: StateReader, [one, other]: Copies): Promise<Copies> {
  const authority = read.authority()
  const authorities = authority === null ? [] : await trustedAuthorities(authority)
  return [await withRightSignatures(one, authorities), await withRightSignatures(other, authorities)]
}

type Copies = readonly [Uint8Array, Uint8Array]

async function readableMerge(copies: () => Promise<Copies>): Promise<Uint8Array | null> {
  try {
    const merged = await mergeCertificates(...(await copies()))
    await parseCertificate(merged)
    return merged
  } catch (error) {
    if (error instanceof MailsealError) return null
    throw error
  }
}

function isForeign(read: StateReader, fingerprint: string, address: string): boolean {
  return read.identity()?.address === address && !read.isOwnKey(fingerprint)
}
