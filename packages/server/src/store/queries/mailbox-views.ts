import { addMonths } from '@mailseal/common'
import type { MailboxView } from '@mailseal/common/rpc'
import type { Kysely } from 'kysely'
import { readSetting } from '../../settings.ts'
import type { Schema } from '../schema.ts'
import type { MailboxQuery, Reads } from '../store.ts'
import { asStatus } from './mailboxes.ts'
import { organizationReads } from './organization.ts'

/** One row for each mailbox, with its current certificate, the key that waits for it, and its agent's last report. */
function joined(db: Kysely<Schema>) {
  return db
    .selectFrom('mailboxes as mailbox')
    .leftJoin('certificates as certificate', 'certificate.serial', 'mailbox.current_serial')
    .leftJoin('reports as report', 'report.mailbox_id', 'mailbox.id')
    .leftJoin('temporary_keys as temporary', (join) =>
      join.on('mailbox.status', 'in', ['New', 'Key recovery in progress']).on('temporary.psk_id', '=', (query) =>
        // A key that was swept after its expiry still shows, as expired, until another takes its place.
        query
          .selectFrom('temporary_keys as candidate')
          .select('candidate.psk_id')
          .whereRef('candidate.mailbox_id', '=', 'mailbox.id')
          .where(({ or, eb }) => or([eb('candidate.ended_how', 'is', null), eb('candidate.ended_how', '=', 'expired')]))
          .orderBy(({ eb }) => eb.case().when('candidate.ended_how', 'is', null).then(0).else(1).end())
          .orderBy('candidate.issued', 'desc')
          .limit(1),
      ),
    )
    .select(['mailbox.id', 'mailbox.address', 'mailbox.name', 'mailbox.status'])
    .select(['certificate.serial', 'certificate.fingerprint', 'certificate.valid_from', 'certificate.valid_to'])
    .select(['temporary.issued', 'temporary.expires', 'temporary.sent', 'temporary.ended_how'])
    .select(['report.time', 'report.crl_number', 'report.version'])
    .select((query) =>
      query
        .selectFrom('archive_entries as entry')
        .select(({ fn }) => fn.count<number>('entry.subkey_fingerprint').distinct().as('count'))
        .whereRef('entry.mailbox_id', '=', 'mailbox.id')
        .as('archived_keys'),
    )
    .where('mailbox.removed', 'is', null)
}

type Joined = Awaited<ReturnType<ReturnType<typeof joined>['execute']>>[number]

function filtered(db: Kysely<Schema>, query: MailboxQuery) {
  let rows = joined(db).orderBy('mailbox.address').limit(query.limit)
  if (query.addresses !== undefined) rows = rows.where('mailbox.address', 'in', query.addresses)
  if (query.status !== undefined) rows = rows.where('mailbox.status', '=', query.status)
  if (query.after !== undefined) rows = rows.where('mailbox.address', '>', query.after)
  if (query.validToBefore !== undefined) rows = rows.where('certificate.valid_to', '<', query.validToBefore)
  if (query.silentSince === undefined) return rows
  const { silentSince } = query
  // Whoever has not reported yet has been silent since the certificate was issued.
  return rows
    .where('mailbox.status', '=', 'Active')
    .where(({ eb, fn }) => eb(fn.coalesce('report.time', 'certificate.issued'), '<', silentSince))
}

function certificateOf(row: Joined, now: number, renewalMonths: number): MailboxView['certificate'] {
  const { serial, fingerprint, valid_from: validFrom, valid_to: validTo } = row
  if (serial === null || fingerprint === null || validFrom === null || validTo === null) return null
  return {
    serial,
    fingerprint,
    validFrom,
    validTo,
    renewFrom: addMonths(validFrom, renewalMonths),
    expired: validTo <= now,
  }
}

function temporaryKeyOf({ issued, expires, sent, ended_how }: Joined, now: number): MailboxView['temporaryKey'] {
  if (issued === null || expires === null) return null
  return { issued, expires, sent: sent === 1, expired: ended_how !== null || expires <= now }
}

function lastReportOf({ time, crl_number: crlNumber, version }: Joined): MailboxView['lastReport'] {
  return time === null || crlNumber === null || version === null ? null : { time, crlNumber, version }
}

/** Mailboxes as administrators see them. */
export function mailboxViewReads(db: Kysely<Schema>) {
  return {
    async mailboxViews(query, now) {
      const renewalMonths = await readSetting(organizationReads(db), 'renewal.afterMonths')
      const rows = await filtered(db, query).execute()
      return rows.map((row) => ({
        id: row.id,
        address: row.address,
        name: row.name,
        status: asStatus(row.status),
        certificate: certificateOf(row, now, renewalMonths),
        temporaryKey: temporaryKeyOf(row, now),
        lastReport: lastReportOf(row),
        archivedKeys: Number(row.archived_keys),
      }))
    },
  } satisfies Partial<Reads>
}
