import type { Kysely, Selectable } from 'kysely'
import type { Schema } from '../schema.ts'
import type { CertificateRow, KeyRow, Reads, Transaction } from '../store.ts'

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

/** Users' keys, their certificates and the archive. */
export function certificateReads(db: Kysely<Schema>) {
  return {
    async key(fingerprint) {
      const row = await db.selectFrom('keys').selectAll().where('fingerprint', '=', fingerprint).executeTakeFirst()
      return row ? asKey(row) : null
    },
    async isKnownFingerprint(fingerprint) {
      const row = await db
        .selectFrom('keys')
        .select('fingerprint')
        .where(({ or }) => or({ fingerprint, subkey_fingerprint: fingerprint }))
        .executeTakeFirst()
      return row !== undefined
    },
    async certificate(serial) {
      const row = await db.selectFrom('certificates').selectAll().where('serial', '=', serial).executeTakeFirst()
      return row ? asCertificate(row) : null
    },
    async liveCertificates(mailboxId, now) {
      const rows = await db
        .selectFrom('certificates')
        .selectAll()
        .where('mailbox_id', '=', mailboxId)
        .where('valid_to', '>', now)
        .where('serial', 'not in', db.selectFrom('revocations').select('serial'))
        .orderBy('serial')
        .execute()
      return rows.map(asCertificate)
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
    async addArchiveEntry({ mailboxId, generation, subkeyFingerprint, entry, added }) {
      const row = { mailbox_id: mailboxId, generation, subkey_fingerprint: subkeyFingerprint, entry, added }
      await db.insertInto('archive_entries').values(row).execute()
    },
  } satisfies Partial<Transaction>
}
