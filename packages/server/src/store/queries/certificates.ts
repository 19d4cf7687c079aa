import type { Kysely, Selectable } from 'kysely'
import type { Schema } from '../schema.ts'
import type { ArchiveEntryRow, CertificateRow, KeyRow, Reads, RevocationRow, Transaction } from '../store.ts'
import { asReason } from './revocations.ts'

const asKey = (row: Selectable<Schema['keys']>): KeyRow => ({
  fingerprint: row.fingerprint,
  subkeyFingerprint: row.subkey_fingerprint,
  mailboxId: row.mailbox_id,
  certificate: row.certificate,
  sealedKeyRevocation: row.sealed_key_revocation,
  sealedSubkeyRevocation: row.sealed_subkey_revocation,
  added: row.added,
})

const asCertificate = (row: Selectable<Schema['certificates']>): CertificateRow => ({
  serial: row.serial,
  fingerprint: row.fingerprint,
  mailboxId: row.mailbox_id,
  validFrom: row.valid_from,
  validTo: row.valid_to,
  issued: row.issued,
})

const asArchiveEntry = (row: Selectable<Schema['archive_entries']>): ArchiveEntryRow => ({
  mailboxId: row.mailbox_id,
  generation: row.generation,
  subkeyFingerprint: row.subkey_fingerprint,
  entry: row.entry,
  added: row.added,
})

/** How a serial number stands on the revocation list, from a row that was joined with it. */
function revocationOf(row: {
  serial: string
  revoked_at: number | null
  expiry_day: number | null
  reason: string | null
}): RevocationRow | null {
  const { serial, revoked_at: revokedAt, expiry_day: expiryDay, reason } = row
  if (revokedAt === null || expiryDay === null || reason === null) return null
  return { serial, revokedAt, expiryDay, reason: asReason(reason) }
}

/** Users' keys, their certificates and the archive. */
export function certificateReads(db: Kysely<Schema>) {
  return {
    async key(fingerprint) {
      const row = await db.selectFrom('keys').selectAll().where('fingerprint', '=', fingerprint).executeTakeFirst()
      return row ? asKey(row) : null
    },
    async isAnyKnown(fingerprints) {
      const row = await db
        .selectFrom('keys')
        .select('fingerprint')
        .where(({ or }) => or(fingerprints.map((known) => or({ fingerprint: known, subkey_fingerprint: known }))))
        .executeTakeFirst()
      return row !== undefined
    },
    async certificate(serial) {
      const row = await db.selectFrom('certificates').selectAll().where('serial', '=', serial).executeTakeFirst()
      return row ? asCertificate(row) : null
    },
    async unexpiredCertificates(mailboxId, now) {
      const rows = await db
        .selectFrom('certificates')
        .leftJoin('revocations', 'revocations.serial', 'certificates.serial')
        .selectAll('certificates')
        .select(['revocations.revoked_at', 'revocations.expiry_day', 'revocations.reason'])
        .where('certificates.mailbox_id', '=', mailboxId)
        .where('certificates.valid_to', '>', now)
        .orderBy('certificates.serial')
        .execute()
      return rows.map((row) => ({ ...asCertificate(row), revocation: revocationOf(row) }))
    },
    async newestCertificateOf(fingerprint) {
      const row = await db
        .selectFrom('certificates')
        .selectAll()
        .where('fingerprint', '=', fingerprint)
        .orderBy('valid_from', 'desc')
        .limit(1)
        .executeTakeFirst()
      return row ? asCertificate(row) : null
    },
    async newestKey(mailboxId) {
      const keys = db.selectFrom('keys').selectAll().where('mailbox_id', '=', mailboxId)
      const row = await keys.orderBy('added', 'desc').limit(1).executeTakeFirst()
      return row ? asKey(row) : null
    },
    async owedEnds() {
      const rows = await db
        .selectFrom('keys')
        .innerJoin('certificates', 'certificates.fingerprint', 'keys.fingerprint')
        .innerJoin('revocations', 'revocations.serial', 'certificates.serial')
        .select(['keys.fingerprint', 'revocations.reason', 'revocations.revoked_at'])
        .where('keys.owes_end', '=', 1)
        .execute()
      return rows.map(({ fingerprint, reason, revoked_at: at }) => ({ fingerprint, reason: asReason(reason), at }))
    },
    async archiveEntries(mailboxId) {
      const rows = await db
        .selectFrom('archive_entries')
        .selectAll()
        .where('mailbox_id', '=', mailboxId)
        .orderBy('added')
        .orderBy('generation')
        .orderBy('subkey_fingerprint')
        .execute()
      return rows.map(asArchiveEntry)
    },
    async directoryPage(after, limit) {
      const rows = await db
        .selectFrom('mailboxes as mailbox')
        .innerJoin('certificates', 'certificates.serial', 'mailbox.current_serial')
        .innerJoin('keys', 'keys.fingerprint', 'certificates.fingerprint')
        .select(['mailbox.address', 'keys.fingerprint', 'keys.certificate'])
        .where('mailbox.address', '>', after)
        .orderBy('mailbox.address')
        .limit(limit)
        .execute()
      return rows.map(({ address, fingerprint, certificate }) => ({ address, fingerprint, certificate }))
    },
  } satisfies Partial<Reads>
}

export function certificateWrites(db: Kysely<Schema>) {
  return {
    async addKey(key) {
      await db
        .insertInto('keys')
        .values({
          fingerprint: key.fingerprint,
          subkey_fingerprint: key.subkeyFingerprint,
          mailbox_id: key.mailboxId,
          certificate: key.certificate,
          sealed_key_revocation: key.sealedKeyRevocation,
          sealed_subkey_revocation: key.sealedSubkeyRevocation,
          added: key.added,
        })
        .execute()
    },
    async addCertificate({ serial, fingerprint, mailboxId, validFrom, validTo, issued }) {
      const dates = { valid_from: validFrom, valid_to: validTo, issued }
      await db
        .insertInto('certificates')
        .values({ serial, fingerprint, mailbox_id: mailboxId, ...dates })
        .execute()
    },
    async putCertificateOf(fingerprint, certificate) {
      const result = await db
        .updateTable('keys')
        .set({ certificate, owes_end: 0 })
        .where('fingerprint', '=', fingerprint)
        .executeTakeFirst()
      if (result.numUpdatedRows !== 1n) throw new TypeError('a certificate is published of a key that is known')
    },
    async addArchiveEntry({ mailboxId, generation, subkeyFingerprint, entry, added }) {
      const row = { mailbox_id: mailboxId, generation, subkey_fingerprint: subkeyFingerprint, entry, added }
      await db.insertInto('archive_entries').values(row).execute()
    },
  } satisfies Partial<Transaction>
}
