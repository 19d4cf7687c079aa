import { equalBytes, MailsealError, SPANS, sha256, toBase64url, toHex } from '@mailseal/common'
import { assertArchiveEntry } from '@mailseal/common/archive-entry'
import { type Authority, notationDomain } from '@mailseal/common/authority'
import {
  asEnrollableCertificate,
  assertPremadeRevocations,
  certify,
  type EnrollableCertificate,
  generateSerial,
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
import type { Mailbox, Reads, TemporaryKeyRow, Transaction } from '../store/store.ts'
import { isRefusal } from './call.ts'
import type { TaskContext } from './context.ts'
import { changeMailbox } from './status.ts'
import { assertLive, assertLiveOrEnd, findTemporaryKey, openTemporaryKeySecrets } from './temporary-keys.ts'

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
    const reply = await commit(context, await prepare(context, { request, key, mailbox, checked, ...opened }))
    await context.outbox.removeSpent()
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
  const enrollmentKey = named && unlocked.enrollmentKey(named.row)
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

async function assertNewKey(reads: Reads, { fingerprint, subkeyFingerprint }: EnrollableCertificate): Promise<void> {
  const isKnown = (await reads.isKnownFingerprint(fingerprint)) || (await reads.isKnownFingerprint(subkeyFingerprint))
  if (!isKnown) return
  throw new MailsealError('already-exists', 'the key of this certificate was enrolled before', {
    hint: 'enroll with a new key',
  })
}

interface Prepared {
  readonly requestHash: Uint8Array
  readonly key: TemporaryKeyRow
  readonly content: EnrollmentRequest
  readonly certificate: EnrollableCertificate
  readonly certified: Uint8Array
  readonly serial: string
  readonly authority: Authority
  readonly reply: Uint8Array
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
): Promise<Prepared> {
  const { request, key, mailbox, content, checked: certificate } = enrollment
  const { authority, serial } = await store.read(async (reads) => ({
    authority: await documents.newest(reads),
    serial: await newSerial(reads, () => generateSerial(random)),
  }))
  const { validFrom, validTo } = certificate
  const domain = notationDomain(authority)
  const certified = await certify(unlocked.ca.key, certificate, { serial, domain, validFrom, validTo })
  const reply = sealEnrollmentReply(enrollment.replyKey, request, {
    certificate: toBase64url(certified),
    serial,
    authority: toBase64url(authority.bytes),
    recovered: [],
    crl: { number: lists.current.number, hash: toBase64url(lists.current.hash) },
    directoryToken: directoryTokenOf(unlocked, mailbox.id),
  })
  return { requestHash: sha256(request), key, content, certificate, certified, serial, authority, reply }
}

async function newSerial(reads: Reads, generate: () => string): Promise<string> {
  for (;;) {
    const serial = generate()
    if ((await reads.certificate(serial)) === null) return serial
  }
}

/** All of it or nothing; what was relied on is looked at again. */
function commit(context: TaskContext, prepared: Prepared): Promise<Uint8Array> {
  const { documents, clock, store, random } = context
  return store.transaction(async (tx) => {
    const now = clock.now()
    const earlier = await tx.storedReply(prepared.requestHash)
    if (earlier !== null) return earlier
    const { key, mailbox } = await findTemporaryKey(tx, prepared.key.pskId)
    assertLive(key, mailbox, now)
    await assertNewKey(tx, prepared.certificate)
    if (!equalBytes((await documents.newest(tx)).hash, prepared.authority.hash)) {
      throw new MailsealError('busy', 'the organization changed its authority document just now')
    }
    await tx.endTemporaryKey(key.pskId, 'used', now)
    await storeEnrollment(context, tx, { prepared, mailbox, now })
    await tx.putReply(prepared.requestHash, prepared.certificate.fingerprint, prepared.reply, now)
    await changeMailbox(tx, mailbox, { status: 'Active', currentSerial: prepared.serial })
    const entry = { time: now, task: 'enroll', administrators: [], subject: mailbox.address, result: 'done' }
    await record(tx, random, { ...entry, requestId: '' })
    return prepared.reply
  })
}

async function storeEnrollment(
  { unlocked }: TaskContext,
  tx: Transaction,
  { prepared, mailbox, now }: { prepared: Prepared; mailbox: Mailbox; now: number },
): Promise<void> {
  const { certificate, certified, serial, content, authority } = prepared
  const { fingerprint, subkeyFingerprint, validFrom, validTo } = certificate
  const mailboxId = mailbox.id
  await tx.addKey({
    fingerprint,
    subkeyFingerprint,
    mailboxId,
    certificate: certified,
    sealedKeyRevocation: unlocked.seal(`key revocation ${fingerprint}`, content.keyRevocation),
    sealedSubkeyRevocation: unlocked.seal(`subkey revocation ${fingerprint}`, content.subkeyRevocation),
    added: now,
  })
  await tx.addCertificate({ serial, fingerprint, mailboxId, validFrom, validTo, issued: now })
  const { generation } = authority
  await tx.addArchiveEntry({ mailboxId, generation, subkeyFingerprint, entry: content.archiveEntry, added: now })
}

async function recordRefusal(context: TaskContext, mailbox: Mailbox, error: MailsealError): Promise<void> {
  const { store, clock, random } = context
  const entry = { time: clock.now(), task: 'enroll', administrators: [], subject: mailbox.address, requestId: '' }
  await store.transaction((tx) => record(tx, random, { ...entry, result: error.code }))
}
