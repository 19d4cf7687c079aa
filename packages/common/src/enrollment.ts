import * as v from 'valibot'
import type { Authority } from './authority.ts'
import { concat, sha256, toBase64url, utf8 } from './encoding.ts'
import { MailsealError } from './errors.ts'
import { LIMITS } from './limits.ts'
import type { Offer } from './offer.ts'
import { base64url, base64urlOf, count, hex, readFormat, text, writeFormat } from './schema.ts'
import { openReply, openRequest, type ReplyKey, type SealingKeyPair, sealReply, sealRequest } from './sealed-channel.ts'
import type { TemporaryKeySecrets } from './temporary-key.ts'

const REQUEST_INFO = utf8('mailseal/1 enrollment request\n')
const HEADER_LENGTH = 16
const HASH_LENGTH = 32
const PSK_ID_LENGTH = 32

const requestSchema = v.strictObject({
  format: v.literal('mailseal-enrollment-request/1'),
  /** SHA-256 of the offer. */
  offer: base64urlOf(32),
  certificate: base64url(LIMITS.certificate),
  keyRevocation: base64url(LIMITS.signature),
  subkeyRevocation: base64url(LIMITS.signature),
  archiveEntry: base64url(LIMITS.archiveEntry),
  /** Program and version of the agent. */
  agent: text(64),
})

const replySchema = v.strictObject({
  format: v.literal('mailseal-enrollment-reply/1'),
  certificate: base64url(LIMITS.certificate),
  serial: hex(16),
  authority: base64url(LIMITS.authorityDocument),
  /** Secret encryption subkeys from the archive, oldest first, each as `sealHistory` seals it. */
  recovered: v.pipe(v.array(base64url(LIMITS.archiveEntry)), v.maxLength(LIMITS.keyFileKeys)),
  /** The list that travels beside the reply; all zero hash and number 0 cannot be: there always is one. */
  crl: v.strictObject({ number: count, hash: base64urlOf(32) }),
  /** Opens the whole directory to this user's agents. */
  directoryToken: v.pipe(text(128), v.nonEmpty()),
})

/** What an enrollment request says inside its seal, as written. */
export type EnrollmentRequestContent = Omit<v.InferInput<typeof requestSchema>, 'format'>
export type EnrollmentRequest = v.InferOutput<typeof requestSchema>
/** What an enrollment's reply says inside its seal, as written. */
export type EnrollmentReplyContent = Omit<v.InferInput<typeof replySchema>, 'format'>
export type EnrollmentReply = v.InferOutput<typeof replySchema>

/** Names the exchange in the clear: which authority document's enrollment key, which temporary key. */
function preambleOf(documentHash: Uint8Array, pskId: Uint8Array): Uint8Array {
  return concat(documentHash, pskId)
}

/**
 * Seals an enrollment request to the enrollment key of an authority document, keyed by the temporary key as well.
 *
 * @returns The request's bytes, which are sent as they are however often, and the key that opens their one reply.
 */
export function sealEnrollmentRequest(
  authority: Authority,
  offer: Offer,
  secrets: TemporaryKeySecrets,
  content: Omit<EnrollmentRequestContent, 'offer'>,
): Promise<{ request: Uint8Array<ArrayBuffer>; replyKey: ReplyKey }> {
  const plaintext = writeFormat(
    requestSchema,
    { ...content, offer: toBase64url(offer.hash), format: 'mailseal-enrollment-request/1' },
    'the enrollment request',
  )
  return sealRequest(authority.enrollmentKey, {
    info: concat(REQUEST_INFO, authority.hash),
    psk: secrets.psk,
    pskId: secrets.pskId,
    preamble: preambleOf(authority.hash, secrets.pskId),
    plaintext,
  })
}

/**
 * Reads what a request says in the clear.
 *
 * @param request - Attacker-controlled.
 * @throws {@link MailsealError} `bad-data` or `too-large`.
 */
export function readRequestPreamble(request: Uint8Array): { documentHash: Uint8Array; pskId: Uint8Array } {
  if (request.length > LIMITS.enrollmentRequest) {
    throw new MailsealError('too-large', `the enrollment request is larger than ${LIMITS.enrollmentRequest} bytes`)
  }
  const pskIdAt = HEADER_LENGTH + HASH_LENGTH
  if (request.length < pskIdAt + PSK_ID_LENGTH) throw new MailsealError('bad-data', 'the enrollment request is cut off')
  return {
    documentHash: request.slice(HEADER_LENGTH, pskIdAt),
    pskId: request.slice(pskIdAt, pskIdAt + PSK_ID_LENGTH),
  }
}

/**
 * Opens an enrollment request at the server.
 *
 * @throws {@link MailsealError} `cannot-decrypt` or `bad-data`.
 */
export async function openEnrollmentRequest(
  enrollmentKey: SealingKeyPair,
  documentHash: Uint8Array,
  secrets: Pick<TemporaryKeySecrets, 'psk' | 'pskId'>,
  request: Uint8Array,
): Promise<{ content: EnrollmentRequest; replyKey: ReplyKey }> {
  const { plaintext, replyKey } = await openRequest(enrollmentKey, {
    info: concat(REQUEST_INFO, documentHash),
    psk: secrets.psk,
    pskId: secrets.pskId,
    preamble: preambleOf(documentHash, secrets.pskId),
    request,
  })
  const content = readFormat(requestSchema, plaintext, 'the enrollment request', LIMITS.enrollmentRequest)
  return { content, replyKey }
}

/** Seals the one reply. Never call it twice for a request: store the result. */
export function sealEnrollmentReply(
  replyKey: ReplyKey,
  request: Uint8Array,
  content: EnrollmentReplyContent,
): Uint8Array<ArrayBuffer> {
  const plaintext = writeFormat(
    replySchema,
    { ...content, format: 'mailseal-enrollment-reply/1' },
    'the enrollment reply',
  )
  return sealReply(replyKey, sha256(request), plaintext)
}

/**
 * Opens the reply to a request at the agent.
 *
 * @throws {@link MailsealError} `cannot-decrypt` if it is the reply to something else.
 */
export function openEnrollmentReply(replyKey: ReplyKey, request: Uint8Array, reply: Uint8Array): EnrollmentReply {
  if (reply.length > LIMITS.enrollmentReply) throw new MailsealError('too-large', 'the enrollment reply is too large')
  const plaintext = openReply(replyKey, sha256(request), reply)
  return readFormat(replySchema, plaintext, 'the enrollment reply', LIMITS.enrollmentReply)
}
