import type { Kysely, Selectable } from 'kysely'
import type { Schema } from '../schema.ts'
import type { Reads, TemporaryKeyEnd, TemporaryKeyRow, Transaction } from '../store.ts'

const ENDS: readonly TemporaryKeyEnd[] = ['used', 'expired', 'replaced', 'canceled', 'revoked']

function endOf(row: Selectable<Schema['temporary_keys']>): TemporaryKeyRow['end'] {
  if (row.ended_how === null || row.ended_at === null) return null
  const how = ENDS.find((known) => known === row.ended_how)
  if (how === undefined) throw new TypeError('the database holds an unknown end of a temporary key')
  return { how, at: row.ended_at }
}

const asTemporaryKey = (row: Selectable<Schema['temporary_keys']>): TemporaryKeyRow => ({
  pskId: row.psk_id,
  mailboxId: row.mailbox_id,
  issued: row.issued,
  expires: row.expires,
  authorityHash: row.authority_hash,
  offer: row.offer,
  offerMac: row.offer_mac,
  sealedSecrets: row.sealed_secrets,
  sealedHistory: row.sealed_history,
  withHistory: row.with_history === 1,
  sent: row.sent === 1,
  end: endOf(row),
})

/** Temporary keys, the tokens that mail them, and the files that hold them. */
export function temporaryKeyReads(db: Kysely<Schema>) {
  const keys = db.selectFrom('temporary_keys').selectAll()
  return {
    async temporaryKey(pskId) {
      const row = await keys.where('psk_id', '=', pskId).executeTakeFirst()
      return row ? asTemporaryKey(row) : null
    },
    async liveTemporaryKey(mailboxId) {
      const row = await keys.where('mailbox_id', '=', mailboxId).where('ended_how', 'is', null).executeTakeFirst()
      return row ? asTemporaryKey(row) : null
    },
    async waitingTemporaryKey(mailboxId) {
      const row = await keys
        .where('mailbox_id', '=', mailboxId)
        .where(({ or, eb }) => or([eb('ended_how', 'is', null), eb('ended_how', '=', 'expired')]))
        .orderBy(({ eb }) => eb.case().when('ended_how', 'is', null).then(0).else(1).end())
        .orderBy('issued', 'desc')
        .limit(1)
        .executeTakeFirst()
      return row ? asTemporaryKey(row) : null
    },
    async expiredTemporaryKeys(now) {
      const rows = await keys.where('ended_how', 'is', null).where('expires', '<=', now).execute()
      return rows.map(asTemporaryKey)
    },
    async sendToken(tokenHash) {
      const row = await db.selectFrom('send_tokens').selectAll().where('token_hash', '=', tokenHash).executeTakeFirst()
      return row ? { mailboxId: row.mailbox_id, pskId: row.psk_id, expires: row.expires } : null
    },
    async spentOutboxFiles() {
      const rows = await db
        .selectFrom('outbox_files as file')
        .innerJoin('temporary_keys as temporary', 'temporary.psk_id', 'file.psk_id')
        .select('file.name')
        .where('temporary.ended_how', 'is not', null)
        .execute()
      return rows.map(({ name }) => name)
    },
  } satisfies Partial<Reads>
}

export function temporaryKeyWrites(db: Kysely<Schema>) {
  return {
    async addTemporaryKey(key) {
      await db
        .insertInto('temporary_keys')
        .values({
          psk_id: key.pskId,
          mailbox_id: key.mailboxId,
          issued: key.issued,
          expires: key.expires,
          authority_hash: key.authorityHash,
          offer: key.offer,
          offer_mac: key.offerMac,
          sealed_secrets: key.sealedSecrets,
          sealed_history: key.sealedHistory,
          with_history: key.withHistory ? 1 : 0,
          sent: key.sent ? 1 : 0,
          ended_how: key.end?.how ?? null,
          ended_at: key.end?.at ?? null,
        })
        .execute()
    },
    async endTemporaryKey(pskId, how, at) {
      const result = await db
        .updateTable('temporary_keys')
        .set({ ended_how: how, ended_at: at, sealed_secrets: null, sealed_history: null })
        .where('psk_id', '=', pskId)
        .where('ended_how', 'is', null)
        .executeTakeFirst()
      await db.updateTable('task_answers').set({ sealed_answer: null }).where('psk_id', '=', pskId).execute()
      return result.numUpdatedRows === 1n
    },
    async markTemporaryKeySent(pskId) {
      await db.updateTable('temporary_keys').set({ sent: 1 }).where('psk_id', '=', pskId).execute()
    },
    async addSendToken(tokenHash, { mailboxId, pskId, expires }) {
      const token = { token_hash: tokenHash, mailbox_id: mailboxId, psk_id: pskId, expires }
      await db.insertInto('send_tokens').values(token).execute()
    },
    async takeSendToken(tokenHash) {
      const result = await db.deleteFrom('send_tokens').where('token_hash', '=', tokenHash).executeTakeFirst()
      return result.numDeletedRows === 1n
    },
    async dropSendTokens(expiredBy) {
      await db.deleteFrom('send_tokens').where('expires', '<=', expiredBy).execute()
    },
    async addOutboxFile(name, pskId) {
      await db.insertInto('outbox_files').values({ name, psk_id: pskId }).execute()
    },
    async dropOutboxFile(name) {
      await db.deleteFrom('outbox_files').where('name', '=', name).execute()
    },
  } satisfies Partial<Transaction>
}
