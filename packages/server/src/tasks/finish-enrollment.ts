import { equalBytes, MailsealError } from '@mailseal/common'
import type { Authority } from '@mailseal/common/authority'
import type { EnrollableCertificate } from '@mailseal/common/certificate'
import type { EnrollmentRequest } from '@mailseal/common/enrollment'
import { record } from '../journal.ts'
import type { Mailbox, Reads, TemporaryKeyRow, Transaction } from '../store/store.ts'
import type { TaskContext } from './context.ts'
import { applyEndOfUse, type PreparedEnd, prepareEndOfUse, sealPremadeRevocations } from './end-of-use.ts'
import { changeMailbox } from './status.ts'
import { assertLive, findTemporaryKey } from './temporary-keys.ts'

/** How often an enrollment is tried whose mailbox others keep changing. */
const ATTEMPTS = 5

/** An enrollment that is certified and has its reply sealed, and is not done yet. */
export interface PreparedEnrollment {
  readonly requestHash: Uint8Array
  readonly key: TemporaryKeyRow
  readonly content: EnrollmentRequest
  readonly certificate: EnrollableCertificate
  readonly certified: Uint8Array
  readonly serial: string
  readonly authority: Authority
  readonly reply: Uint8Array
}

interface Finished {
  readonly reply: Uint8Array
  /** Serial numbers of the certificates that the new one replaces. */
  readonly ended: readonly string[]
}

/**
 * Does an enrollment, all of it or nothing. Whoever changes the mailbox meanwhile, for instance its name, changes what
 * ends with the enrollment: that is prepared again, and nothing else, since no reply is sealed twice.
 *
 * @throws {@link MailsealError} how the temporary key ended meanwhile; `already-exists`; `clock-wrong`; `busy`.
 */
export async function finishEnrollment(context: TaskContext, prepared: PreparedEnrollment): Promise<Finished> {
  for (let tried = 0; tried < ATTEMPTS; tried++) {
    const finished = await commit(context, prepared, await prepareReplacement(context, prepared.key))
    if (finished !== null) return finished
  }
  throw new MailsealError('busy', 'the mailbox was changed by somebody else at the same time')
}

/** The new certificate ends all that the mailbox had, as replaced. */
function prepareReplacement(context: TaskContext, { mailboxId }: TemporaryKeyRow): Promise<PreparedEnd> {
  const now = context.clock.now()
  return context.store.read(async (reads) => {
    const mailbox = await reads.mailbox(mailboxId)
    if (mailbox === null) throw new TypeError('a temporary key without its mailbox')
    return prepareEndOfUse(context, reads, mailbox, { reason: 'replaced', now })
  })
}

/**
 * All of it or nothing; what was relied on is looked at again.
 *
 * @returns null if the mailbox is no longer as it was when the end was prepared: nothing is done.
 */
function commit(context: TaskContext, prepared: PreparedEnrollment, end: PreparedEnd): Promise<Finished | null> {
  const { documents, lists, clock, store, random } = context
  return store.transaction(async (tx) => {
    const now = clock.now()
    const earlier = await tx.storedReply(prepared.requestHash)
    if (earlier !== null) return { reply: earlier, ended: [] }
    const { key, mailbox } = await findTemporaryKey(tx, prepared.key.pskId)
    assertLive(key, mailbox, now)
    if (mailbox.version !== end.mailbox.version) return null
    await assertNewKey(tx, prepared.certificate)
    if (!equalBytes((await documents.newest(tx)).hash, prepared.authority.hash)) {
      throw new MailsealError('busy', 'the organization changed its authority document just now')
    }
    await tx.endTemporaryKey(key.pskId, 'used', now)
    const ended = await applyEndOfUse(tx, end, now)
    if (ended.length > 0) lists.assertCanPublish()
    await storeEnrollment(context, tx, { prepared, mailbox, now })
    await tx.putReply(prepared.requestHash, prepared.certificate.fingerprint, prepared.reply, now)
    await changeMailbox(tx, mailbox, { status: 'Active', currentSerial: prepared.serial })
    const entry = { time: now, task: 'enroll', administrators: [], subject: mailbox.address, result: 'done' }
    await record(tx, random, { ...entry, requestId: '' })
    return { reply: prepared.reply, ended }
  })
}

async function storeEnrollment(
  { unlocked }: TaskContext,
  tx: Transaction,
  { prepared, mailbox, now }: { prepared: PreparedEnrollment; mailbox: Mailbox; now: number },
): Promise<void> {
  const { certificate, certified, serial, content, authority } = prepared
  const { fingerprint, subkeyFingerprint, validFrom, validTo } = certificate
  const mailboxId = mailbox.id
  // The order of a mailbox's keys is told by this, also within one second and after a clock was set back.
  const added = Math.max(now, ((await tx.newestKey(mailboxId))?.added ?? 0) + 1)
  await tx.addKey({
    fingerprint,
    subkeyFingerprint,
    mailboxId,
    certificate: certified,
    ...sealPremadeRevocations(unlocked, fingerprint, content),
    added,
  })
  await tx.addCertificate({ serial, fingerprint, mailboxId, validFrom, validTo, issued: now })
  const { generation } = authority
  await tx.addArchiveEntry({ mailboxId, generation, subkeyFingerprint, entry: content.archiveEntry, added })
}

/** @throws {@link MailsealError} `already-exists` for a key that any mailbox ever enrolled, revoked or not. */
export async function assertNewKey(
  reads: Reads,
  { fingerprint, subkeyFingerprint }: EnrollableCertificate,
): Promise<void> {
  if (!(await reads.isAnyKnown([fingerprint, subkeyFingerprint]))) return
  throw new MailsealError('already-exists', 'the key of this certificate was enrolled before', {
    hint: 'enroll with a new key',
  })
}
