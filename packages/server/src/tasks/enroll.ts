import { equalBytes, MailsealError, SPANS, sha256, toBase64url, toHex } from '@mailseal/common'
import { assertArchiveEntry } from '@mailseal/common/archive-entry'
import { type Authority, notationDomain } from '@mailseal/common/authority'
import {
  asEnrollableCertificate,
  assertPremadeRevocations,
  certify,
  type EnrollableCertificate,
} from '@mailseal/common/certificate'
import {
  type EnrollmentRequest,
  openEnrollmentRequest,
  readRequestPreamble,
  sealEnrollmentReply,
} from '@mailseal/common/enrollment'
import { readOffer } from '@mailseal/common/offer'
import type { ReplyKey } from '@mailseal/common/sealed-channel'
import { directoryTokenOf } from '../directory-token.ts'
import { record } from '../journal.ts'
import type { Mailbox, TemporaryKeyRow } from '../store/store.ts'
import { isRefusal } from './call.ts'
import type { TaskContext } from './context.ts'
import { assertNewKey, finishEnrollment, type PreparedEnrollment } from './finish-enrollment.ts'
import { newSerial } from './serial.ts'
import { assertLiveOrEnd, findTemporaryKey, openTemporaryKeySecrets, openWaitingHistory } from './temporary-keys.ts'

/** Enrolls mailboxes; each identical request is answered with the same bytes, and nothing is ever sealed twice. */
export type Enroll = (request: Uint8Array) => Promise<Uint8Array>

/** DESIGN.md, section 3, "Enrollment", step 4. */
export function createEnroll(context: TaskContext): Enroll {
  const running = new Map<string, Promise<Uint8Array>>()
  return (request) => {
    const id = toHex(sha256(request))
    const earlier = running.get(id)
    if (earlier !== undefined) return earlier
    const reply = enroll(context, request).finally(() => running.delete(id))
    running.set(id, reply)
    return reply
  }
}

/**
 * @param request - Attacker-controlled.
 * @throws {@link MailsealError} `temporary-key-*`, `cannot-decrypt`, `bad-data`, `clock-wrong`, `already-exists`. The
 *   temporary key is used up by a success alone.
 */
async function enroll(context: TaskContext, request: Uint8Array): Promise<Uint8Array> {
  const { documentHash, pskId } = readRequestPreamble(request)
  const stored = await storedReply(context, request)
  if (stored !== null) return stored
  const { key, mailbox } = await context.store.read((reads) => findTemporaryKey(reads, pskId))
  try {
    await assertLiveOrEnd(context, key, mailbox, context.clock.now())
    const opened = await openRequest(context, { key, documentHash, request })
    const checked = await checkContent(context, key, opened.content, opened.userId)
    const prepared = await prepare(context, { request, key, mailbox, checked, ...opened })
    const { reply, ended } = await finishEnrollment(context, prepared)
    await context.outbox.removeSpent()
    if (ended.length > 0) publishSoon(context)
    return reply
  } catch (thrown) {
    if (!isRefusal(thrown)) throw thrown
    // Another process may have answered the same request just now, and so used the temporary key.
    const meanwhile = await storedReply(context, request)
    if (meanwhile !== null) return meanwhile
    await recordRefusal(context, mailbox, thrown)
    throw thrown
  }
}

/**
 * The agent's answer does not wait for the list, nor depend on it: it has its certificate. If none comes out now, one
 * does within the hour or at the next start, and the log says why if not.
 */
function publishSoon({ lists }: TaskContext): void {
  lists.publish().catch(() => undefined)
}

function storedReply({ store }: TaskContext, request: Uint8Array): Promise<Uint8Array | null> {
  return store.read((reads) => reads.storedReply(sha256(request)))
}

interface OpenedRequest {
  readonly content: EnrollmentRequest
  readonly replyKey: ReplyKey
  /** Which the offer promises and the CA will certify. */
  readonly userId: string
}

async function openRequest(
  { store, documents, unlocked }: TaskContext,
  { key, documentHash, request }: { key: TemporaryKeyRow; documentHash: Uint8Array; request: Uint8Array },
): Promise<OpenedRequest> {
  const { named, offered } = await store.read(async (reads) => ({
    named: await documents.withHash(reads, documentHash),
    offered: await documents.withHash(reads, key.authorityHash),
  }))
  if (offered === null) throw new TypeError('the authority document of a temporary key is missing')
  const enrollmentKey = named && unlocked.enrollmentKey(named)
  if (!named || !enrollmentKey || !isSameOrNewer(named.authority, offered.authority)) {
    throw new MailsealError('bad-data', 'the request is sealed under an authority document that it may not use', {
      hint: 'begin the enrollment again: mailseal enroll MESSAGE.eml',
    })
  }
  const secrets = await openTemporaryKeySecrets(unlocked, key)
  const { content, replyKey } = await openEnrollmentRequest(enrollmentKey, documentHash, secrets, request)
  const offer = readOffer({ offer: key.offer, mac: key.offerMac }, secrets.macKey)
  if (!equalBytes(content.offer, offer.hash)) {
    throw new MailsealError('bad-data', 'the request answers another offer than that of its temporary key')
  }
  return { content, replyKey, userId: offer.userId }
}

function isSameOrNewer(document: Authority, offered: Authority): boolean {
  return document.rootFingerprint === offered.rootFingerprint && document.version >= offered.version
}

/** Everything that is said inside the seal, before anything is done with it. */
async function checkContent(
  { store, clock }: TaskContext,
  key: TemporaryKeyRow,
  content: EnrollmentRequest,
  userId: string,
): Promise<EnrollableCertificate> {
  const certificate = await asEnrollableCertificate(content.certificate, userId)
  await assertPremadeRevocations(certificate, content)
  assertValidFrom(certificate.validFrom, key.issued, clock.now())
  assertArchiveEntry(content.archiveEntry)
  await store.read((reads) => assertNewKey(reads, certificate))
  return certificate
}

function assertValidFrom(validFrom: number, issued: number, now: number): void {
  if (validFrom < issued - SPANS.validFromBeforeIssue) {
    throw new MailsealError('clock-wrong', 'the certificate begins before its temporary key was issued')
  }
  if (validFrom > now + SPANS.clockTolerance) {
    throw new MailsealError('clock-wrong', 'the certificate begins in the future')
  }
}

/** Certification and sealing: the slow part, outside the transaction. */
async function prepare(
  { store, documents, unlocked, lists, random }: TaskContext,
  enrollment: OpenedRequest & {
    request: Uint8Array
    key: TemporaryKeyRow
    mailbox: Mailbox
    checked: EnrollableCertificate
  },
): Promise<PreparedEnrollment> {
  const { request, key, mailbox, content, checked: certificate } = enrollment
  const { authority, serial } = await store.read(async (reads) => ({
    authority: await documents.newest(reads),
    serial: await newSerial(reads, random),
  }))
  const { validFrom, validTo } = certificate
  const domain = notationDomain(authority)
  const certified = await certify(unlocked.ca.key, certificate, { serial, domain, validFrom, validTo })
  const reply = sealEnrollmentReply(enrollment.replyKey, request, {
    certificate: toBase64url(certified),
    serial,
    authority: toBase64url(authority.bytes),
    recovered: openWaitingHistory(unlocked, key),
    crl: { number: lists.current.number, hash: toBase64url(lists.current.hash) },
    directoryToken: directoryTokenOf(unlocked, mailbox.id),
  })
  return { requestHash: sha256(request), key, content, certificate, certified, serial, authority, reply }
}

async function recordRefusal(context: TaskContext, mailbox: Mailbox, error: MailsealError): Promise<void> {
  const { store, clock, random } = context
  const entry = { time: clock.now(), task: 'enroll', administrators: [], subject: mailbox.address, requestId: '' }
  await store.transaction((tx) => record(tx, random, { ...entry, result: error.code }))
}
