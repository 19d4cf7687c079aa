import { formatDate, formatMinute, formatTime } from '@mailseal/common'
import type { MailboxView, Status } from '@mailseal/common/rpc'
import { fields, table } from './table.ts'

/** What each status means, in the original's words. */
const DESCRIPTIONS: Readonly<Record<Status, string>> = {
  Undefined: 'Security has not been set up for this mailbox.',
  New: 'Security has been enabled for the first time, but the one-time temporary key has not been received from the client.',
  Active: 'Security has been enabled, and the one-time temporary key has been received from the client.',
  Disabled: 'Security has been disabled for this mailbox.',
  'Key recovery in progress':
    'A one-time temporary key has been reissued to this mailbox but not yet received, or a previously disabled mailbox is in the process of being enabled again.',
}

/** A mailbox by name and address. */
export function mailboxTitle({ name, address }: Pick<MailboxView, 'name' | 'address'>): string {
  return name === '' ? address : `${name} <${address}>`
}

/** A mailbox as `status --json` prints it. */
export function mailboxJson({ certificate, temporaryKey, lastReport, ...mailbox }: MailboxView): object {
  return {
    ...mailbox,
    certificate: certificate && {
      ...certificate,
      validFrom: formatTime(certificate.validFrom),
      validTo: formatTime(certificate.validTo),
      renewFrom: formatTime(certificate.renewFrom),
    },
    temporaryKey: temporaryKey && {
      ...temporaryKey,
      issued: formatTime(temporaryKey.issued),
      expires: formatTime(temporaryKey.expires),
    },
    lastReport: lastReport && { ...lastReport, time: formatTime(lastReport.time) },
  }
}

/** Mailboxes under each other. */
export function statusTable(mailboxes: readonly MailboxView[]): string {
  const heading = ['ADDRESS', 'STATUS', 'SERIAL NUMBER', 'VALID TO', 'TEMPORARY KEY', 'LAST REPORT']
  return table(heading, mailboxes.map(statusRow))
}

function statusRow({ address, status, certificate, temporaryKey, lastReport }: MailboxView): string[] {
  return [
    address,
    status,
    certificate?.serial ?? '-',
    certificate === null ? '-' : `${formatDate(certificate.validTo)}${certificate.expired ? ' (expired)' : ''}`,
    temporaryKey === null ? '-' : `${temporaryKey.expired ? 'expired' : 'until'} ${formatDate(temporaryKey.expires)}`,
    lastReport === null ? '-' : formatDate(lastReport.time),
  ]
}

/** All that is known about one mailbox. */
export function statusDetails(mailbox: MailboxView): string {
  const { status, certificate, temporaryKey, lastReport, archivedKeys } = mailbox
  return fields([
    ['Mailbox', mailboxTitle(mailbox)],
    ['Current status', status],
    ['', DESCRIPTIONS[status]],
    ...(certificate === null ? [] : certificateFields(certificate)),
    ...(temporaryKey === null ? [] : [['Temporary key', describeTemporaryKey(temporaryKey)] as const]),
    ['Key history', archivedKeys === 1 ? '1 encryption key' : `${archivedKeys} encryption keys`],
    ['Last report', lastReport === null ? 'none yet' : describeReport(lastReport)],
  ])
}

function certificateFields(certificate: NonNullable<MailboxView['certificate']>): [string, string][] {
  return [
    ['Serial number', certificate.serial],
    ['Fingerprint', certificate.fingerprint],
    ['Valid from', formatMinute(certificate.validFrom)],
    ['Valid to', `${formatMinute(certificate.validTo)}${certificate.expired ? ' (expired)' : ''}`],
    ['Renewal from', formatMinute(certificate.renewFrom)],
  ]
}

function describeTemporaryKey({ issued, expires, sent, expired }: NonNullable<MailboxView['temporaryKey']>): string {
  const mailed = sent ? 'sent by e-mail' : 'not sent by e-mail'
  return `issued ${formatMinute(issued)}, ${mailed}, ${expired ? 'expired' : 'works until'} ${formatMinute(expires)}`
}

function describeReport({ time, crlNumber, version }: NonNullable<MailboxView['lastReport']>): string {
  return `${formatMinute(time)}, revocation list ${crlNumber}, ${version}`
}
