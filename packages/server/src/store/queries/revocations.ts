import type { Kysely } from 'kysely'
import type { Schema } from '../schema.ts'
import type { Reads, RevocationReason, Transaction } from '../store.ts'

const REASONS: readonly RevocationReason[] = ['unspecified', 'superseded', 'compromised', 'left', 'replaced']

/** The reason in a row. Only these programs write it, so that another one is damage. */
export function asReason(text: string): RevocationReason {
  const reason = REASONS.find((known) => known === text)
  if (reason === undefined) throw new TypeError('the database holds an unknown reason of a revocation')
  return reason
}

/** Revoked serial numbers, and the signed list of them. */
export function revocationReads(db: Kysely<Schema>) {
  return {
    async isRevoked(serial) {
      const row = await db.selectFrom('revocations').select('serial').where('serial', '=', serial).executeTakeFirst()
      return row !== undefined
    },
    async revocations(fromExpiryDay) {
      const rows = await db
        .selectFrom('revocations')
        .selectAll()
        .where('expiry_day', '>=', fromExpiryDay)
        .orderBy('serial')
        .execute()
      return rows.map((row) => ({
        serial: row.serial,
        revokedAt: row.revoked_at,
        expiryDay: row.expiry_day,
        reason: asReason(row.reason),
      }))
    },
    async latestList() {
      const row = await db.selectFrom('lists').selectAll().orderBy('number', 'desc').limit(1).executeTakeFirst()
      if (!row) return null
      return { number: row.number, thisUpdate: row.this_update, nextUpdate: row.next_update, bytes: row.bytes }
    },
  } satisfies Partial<Reads>
}

export function revocationWrites(db: Kysely<Schema>) {
  return {
    async putRevocation({ serial, revokedAt, expiryDay, reason }) {
      const insert = db
        .insertInto('revocations')
        .values({ serial, revoked_at: revokedAt, expiry_day: expiryDay, reason })
      await insert
        .onConflict((conflict) =>
          conflict.column('serial').doUpdateSet(({ eb, ref }) => ({
            reason: eb
              .case()
              .when('revocations.reason', '=', 'replaced')
              .then(ref('excluded.reason'))
              .else(ref('revocations.reason'))
              .end(),
            revoked_at: eb
              .case()
              .when('revocations.revoked_at', '>', ref('excluded.revoked_at'))
              .then(ref('excluded.revoked_at'))
              .else(ref('revocations.revoked_at'))
              .end(),
          })),
        )
        .execute()
    },
    async putList({ number, thisUpdate, nextUpdate, bytes }) {
      const row = { number, this_update: thisUpdate, next_update: nextUpdate, bytes }
      await db.insertInto('lists').values(row).execute()
      // Each may hold millions of entries, and only the newest is ever served.
      await db.deleteFrom('lists').where('number', '<', number).execute()
    },
  } satisfies Partial<Transaction>
}
