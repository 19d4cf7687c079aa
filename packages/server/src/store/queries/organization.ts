import type { Kysely, Selectable } from 'kysely'
import type { Schema } from '../schema.ts'
import type { AdministratorRow, AuthorityDocumentRow, Reads, Transaction } from '../store.ts'

const asDocument = (row: Selectable<Schema['authority_documents']>): AuthorityDocumentRow => ({
  version: row.version,
  hash: row.hash,
  bytes: row.bytes,
  sealedEnrollmentKey: row.sealed_enrollment_key,
})

const asAdministrator = (row: Selectable<Schema['administrators']>): AdministratorRow => ({
  name: row.name,
  address: row.address,
  publicKey: row.public_key,
  sealedPrivateKey: row.sealed_private_key,
  sealedShare: row.sealed_share,
  shareHash: row.share_hash,
  added: row.added,
})

/** Settings, secrets, authority documents and administrators. */
export function organizationReads(db: Kysely<Schema>) {
  return {
    async setting(key) {
      const row = await db.selectFrom('settings').select('value').where('key', '=', key).executeTakeFirst()
      return row?.value ?? null
    },
    async secret(name) {
      const row = await db.selectFrom('secrets').select('bytes').where('name', '=', name).executeTakeFirst()
      return row?.bytes ?? null
    },
    async latestAuthorityDocument() {
      const newest = db.selectFrom('authority_documents').selectAll().orderBy('version', 'desc').limit(1)
      const row = await newest.executeTakeFirst()
      return row ? asDocument(row) : null
    },
    async authorityDocument(hash) {
      const row = await db.selectFrom('authority_documents').selectAll().where('hash', '=', hash).executeTakeFirst()
      return row ? asDocument(row) : null
    },
    async authorityDocumentOfVersion(version) {
      const documents = db.selectFrom('authority_documents').selectAll()
      const row = await documents.where('version', '=', version).executeTakeFirst()
      return row ? asDocument(row) : null
    },
    async administrators() {
      const rows = await db.selectFrom('administrators').selectAll().orderBy('name').execute()
      return rows.map(asAdministrator)
    },
    async administrator(name) {
      const row = await db.selectFrom('administrators').selectAll().where('name', '=', name).executeTakeFirst()
      return row ? asAdministrator(row) : null
    },
  } satisfies Partial<Reads>
}

export function organizationWrites(db: Kysely<Schema>) {
  return {
    async putSetting(key, value) {
      const insert = db.insertInto('settings').values({ key, value })
      await insert.onConflict((conflict) => conflict.column('key').doUpdateSet({ value })).execute()
    },
    async putSecret(name, bytes) {
      const insert = db.insertInto('secrets').values({ name, bytes })
      await insert.onConflict((conflict) => conflict.column('name').doUpdateSet({ bytes })).execute()
    },
    async addAuthorityDocument({ version, hash, bytes, sealedEnrollmentKey }) {
      const row = { version, hash, bytes, sealed_enrollment_key: sealedEnrollmentKey }
      await db.insertInto('authority_documents').values(row).execute()
    },
    async addAdministrator(administrator) {
      await db
        .insertInto('administrators')
        .values({
          name: administrator.name,
          address: administrator.address,
          public_key: administrator.publicKey,
          sealed_private_key: administrator.sealedPrivateKey,
          sealed_share: administrator.sealedShare,
          share_hash: administrator.shareHash,
          added: administrator.added,
        })
        .execute()
    },
  } satisfies Partial<Transaction>
}
