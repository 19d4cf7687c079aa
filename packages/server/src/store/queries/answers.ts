import type { Kysely } from 'kysely'
import type { Schema } from '../schema.ts'
import type { Reads, Transaction } from '../store.ts'

/** Answers given before, so that a repeat does nothing twice. */
export function answerReads(db: Kysely<Schema>) {
  return {
    async storedReply(requestHash) {
      const replies = db.selectFrom('replies').select('reply')
      const row = await replies.where('request_hash', '=', requestHash).executeTakeFirst()
      return row?.reply ?? null
    },
    async taskAnswer(id) {
      const row = await db.selectFrom('task_answers').selectAll().where('request_id', '=', id).executeTakeFirst()
      if (!row) return null
      const { request_hash: requestHash, sealed_answer: sealedAnswer, psk_id: pskId, answered_at: at } = row
      return { id, requestHash, sealedAnswer, pskId, at }
    },
    async userRequestAnswer(id) {
      const row = await db.selectFrom('user_request_answers').selectAll().where('id', '=', id).executeTakeFirst()
      return row ? { requestHash: row.request_hash, answer: row.answer } : null
    },
  } satisfies Partial<Reads>
}

export function answerWrites(db: Kysely<Schema>) {
  return {
    async putReply(requestHash, fingerprint, reply, at) {
      const row = { request_hash: requestHash, fingerprint, reply, stored_at: at }
      await db.insertInto('replies').values(row).execute()
    },
    async dropReplies(olderThan) {
      await db.deleteFrom('replies').where('stored_at', '<', olderThan).execute()
    },
    async dropRepliesTo(fingerprint) {
      await db.deleteFrom('replies').where('fingerprint', '=', fingerprint).execute()
    },
    async putTaskAnswer({ id, requestHash, sealedAnswer, pskId, at }) {
      const row = { request_hash: requestHash, sealed_answer: sealedAnswer, psk_id: pskId, answered_at: at }
      await db
        .insertInto('task_answers')
        .values({ request_id: id, ...row })
        .execute()
    },
    async eraseTaskAnswers(olderThan) {
      await db
        .updateTable('task_answers')
        .set({ sealed_answer: null })
        .where('answered_at', '<', olderThan)
        .where('sealed_answer', 'is not', null)
        .execute()
    },
    async putUserRequestAnswer(id, requestHash, answer, at) {
      const row = { id, request_hash: requestHash, answer, answered_at: at }
      await db.insertInto('user_request_answers').values(row).execute()
    },
    async dropUserRequestAnswers(olderThan) {
      await db.deleteFrom('user_request_answers').where('answered_at', '<', olderThan).execute()
    },
  } satisfies Partial<Transaction>
}
