import { addMonths, formatDate, formatMinute, MailsealError, SPANS, toBase64url } from '@mailseal/common'
import { notationDomain } from '@mailseal/common/authority'
import { asRenewedCertificate, certify, parseCertificate } from '@mailseal/common/certificate'
import type { UserRequestFor } from '@mailseal/common/signed-request'
import { readSetting } from '../settings.ts'
import type { CertificateRow, Mailbox, Reads } from '../store/store.ts'
import type { TaskContext } from './context.ts'
import { newSerial } from './serial.ts'
import { changeMailbox } from './status.ts'
import { answerOnce, type UserState, type VerifiedRequest } from './verified-request.ts'

/** What an agent hears back. */
export interface RenewAnswer {
  /** Base64url. */
  readonly certificate: string
  readonly serial: string
}

/**
 * Certifies the mailbox's current key for 18 months more, under a new serial number (DESIGN.md, section 3, "Renewal").
 * Who names one from before a renewal, another computer or one that lost the answer, hears what that renewal made.
 */
export function renew(context: TaskContext, user: VerifiedRequest<UserRequestFor<'renew'>>): Promise<RenewAnswer> {
  return answerOnce(context, user, {
    prepare: (state, now) => context.store.read((reads) => prepareRenewal(context, reads, { user, state, now })),
    async work(tx, { mailbox, current }, now, { row, certificate }) {
      const isNew = row.serial !== current.serial
      if (isNew) {
        await assertInTime(tx, { mailbox, current, now })
        await tx.putCertificateOf(row.fingerprint, certificate)
        await tx.addCertificate({ ...row, issued: now })
        await changeMailbox(tx, mailbox, { status: mailbox.status, currentSerial: row.serial })
      }
      return { answer: { certificate: toBase64url(certificate), serial: row.serial }, isJournaled: isNew }
    },
  })
}

/** A certificate as it is published under its newest serial number. */
interface Renewed {
  readonly row: Omit<CertificateRow, 'issued'>
  readonly certificate: Uint8Array
}

async function prepareRenewal(
  { unlocked, documents, random }: TaskContext,
  reads: Reads,
  { user, state, now }: { user: VerifiedRequest<UserRequestFor<'renew'>>; state: UserState; now: number },
): Promise<Renewed> {
  const { request } = user
  const { current } = state
  const key = await reads.key(current.fingerprint)
  if (key === null) throw new TypeError('a certificate without its key')
  if (request.serial !== current.serial) return { row: current, certificate: key.certificate }
  await assertInTime(reads, { ...state, now })
  assertNotAhead(request.time, now)
  const renewed = await asRenewedCertificate(await parseCertificate(key.certificate), request.body, request.time)
  const { fingerprint, validFrom, validTo } = renewed
  const serial = await newSerial(reads, random)
  const domain = notationDomain(await documents.newest(reads))
  const certificate = await certify(unlocked.ca.key, renewed, { serial, domain, validFrom, validTo })
  return { row: { serial, fingerprint, mailboxId: current.mailboxId, validFrom, validTo }, certificate }
}

/** @throws {@link MailsealError} `task-not-allowed` if it is too early; `certificate-expired` if it is too late. */
async function assertInTime(
  reads: Reads,
  { mailbox, current, now }: { mailbox: Mailbox; current: CertificateRow; now: number },
): Promise<void> {
  const { address } = mailbox
  const from = addMonths(current.validFrom, await readSetting(reads, 'renewal.afterMonths'))
  if (now < from) {
    throw new MailsealError(
      'task-not-allowed',
      `the certificate of ${address} can be renewed from ${formatMinute(from)} on`,
      {
        hint: `it is valid until ${formatDate(current.validTo)}: nothing has to be done yet`,
      },
    )
  }
  const until = current.validTo + (await readSetting(reads, 'renewal.graceDays')) * SPANS.day
  if (now > until) {
    throw new MailsealError(
      'certificate-expired',
      `the certificate of ${address} expired on ${formatDate(current.validTo)}, too long ago to be renewed`,
      { hint: `ask your administrator for a key recovery ("mailseal-admin recover ${address}")` },
    )
  }
}

/** A certificate begins when its request is signed: what begins later than now is taken for damaged by other programs. */
function assertNotAhead(validFrom: number, now: number): void {
  if (validFrom <= now + SPANS.clockTolerance) return
  throw new MailsealError('clock-wrong', 'the renewed certificate would begin in the future')
}
