import { concat, type ErrorCode, sha256, toBase64url, toHex, utf8 } from '@mailseal/common'
import { sealEnrollmentReply, sealEnrollmentRequest } from '@mailseal/common/enrollment'
import { sealHistory } from '@mailseal/common/history'
import { sealReply, sealRequest } from '@mailseal/common/sealed-channel'
import type { Draft } from '../format.ts'
import { withRandomness } from '../randomness.ts'
import {
  bitChanges,
  type Change,
  type JsonObject,
  otherForms,
  slug,
  sortedBytes,
  sortedJson,
  withEach,
  withoutEach,
} from './changes.ts'
import {
  alice,
  archived,
  authority,
  authorityBytes,
  bytesOf,
  certified,
  enrollmentKey,
  mallory,
  offer,
  offerContent,
  randomnessOf,
  SERIAL,
  secrets,
  temporaryKey,
} from './world.ts'

/* Enrollment requests. */

const requestRandomness = randomnessOf('enrollment request')
const { request, replyKey } = await withRandomness(requestRandomness, () =>
  sealEnrollmentRequest(authority, offer, secrets, {
    certificate: toBase64url(alice.certificate),
    keyRevocation: toBase64url(alice.keyRevocation),
    subkeyRevocation: toBase64url(alice.subkeyRevocation),
    archiveEntry: toBase64url(archived),
    agent: 'mailseal/0.1.0',
  }),
)
const requested: JsonObject = {
  format: 'mailseal-enrollment-request/1',
  offer: toBase64url(offer.hash),
  certificate: toBase64url(alice.certificate),
  keyRevocation: toBase64url(alice.keyRevocation),
  subkeyRevocation: toBase64url(alice.subkeyRevocation),
  archiveEntry: toBase64url(archived),
  agent: 'mailseal/0.1.0',
}

const requestHeaders = {
  'temporary-key': temporaryKey,
  authority: toBase64url(authorityBytes),
  'enrollment-private-key': toHex(enrollmentKey.privateKey),
}

const badRequest = (
  what: string,
  body: Uint8Array,
  expect: ErrorCode = 'cannot-decrypt',
  changes: Partial<typeof requestHeaders> = {},
): Draft => ({ name: slug(what), about: `refused: ${what}`, headers: { ...requestHeaders, ...changes }, body, expect })

/** Anything sealed as a request is. */
async function sealedRequest(plaintext: Uint8Array, info = 'mailseal/1 enrollment request\n'): Promise<Uint8Array> {
  const { request: made } = await withRandomness(requestRandomness, () =>
    sealRequest(enrollmentKey.publicKey, {
      info: concat(utf8(info), authority.hash),
      psk: secrets.psk,
      pskId: secrets.pskId,
      preamble: concat(authority.hash, secrets.pskId),
      plaintext,
    }),
  )
  return made
}

const short = toBase64url(new Uint8Array(31))
const WRONG_REQUESTS: Change[] = [
  ...withoutEach(requested),
  ...withEach(requested, {
    format: [['of another version', 'mailseal-enrollment-request/2']],
    offer: [['too short', short]],
    certificate: [['not base64url', '?']],
    agent: [
      ['too long', 'x'.repeat(65)],
      ['a number', 1],
    ],
  }),
]

const zeroPoint = concat(request.subarray(0, 80), new Uint8Array(32), request.subarray(112))

const wrongInside: Draft[] = []
for (const [what, changed] of WRONG_REQUESTS) {
  wrongInside.push(badRequest(`inside ${what}`, await sealedRequest(sortedBytes(changed)), 'bad-data'))
}
for (const [what, plaintext] of otherForms(sortedJson(requested))) {
  if (!what.includes('a number'))
    wrongInside.push(badRequest(`inside ${what}`, await sealedRequest(plaintext), 'bad-data'))
}

export const enrollmentRequests: readonly Draft[] = [
  {
    name: 'good',
    about: 'a whole enrollment request, made again with its own randomness',
    headers: {
      ...requestHeaders,
      offer: sortedJson(offerContent as unknown as JsonObject),
      randomness: requestRandomness,
    },
    body: request,
  },
  ...bitChanges(request, {
    'another kind': 0,
    'another version': 9,
    'another KEM': 11,
    'another KDF': 13,
    'another AEAD': 15,
  }).map(([what, body]) => badRequest(what, body, 'bad-data')),
  ...bitChanges(request, {
    'another document': 16,
    'another temporary key': 48,
    'another encapsulated key': 80,
    'another ciphertext': 112,
    'another tag': -1,
  }).map(([what, body]) => badRequest(what, body)),
  badRequest('an encapsulated key that is zero', zeroPoint),
  badRequest('cut off in the preamble', request.subarray(0, 79), 'bad-data'),
  badRequest('cut off in the tag', request.subarray(0, -1)),
  badRequest('a byte more', concat(request, new Uint8Array(1))),
  badRequest('the temporary key of somebody else', request, 'cannot-decrypt', {
    'temporary-key': '10000-00000-00000-00000-0000M',
  }),
  badRequest('the enrollment key of another organization', request, 'cannot-decrypt', {
    'enrollment-private-key': toHex(bytesOf('another enrollment key')),
  }),
  badRequest('sealed for another purpose', await sealedRequest(sortedBytes(requested), 'mailseal/1 another purpose\n')),
  ...wrongInside,
]

/* Replies. */

const history = sealHistory(secrets.historyKey, [mallory.secretSubkey, alice.secretSubkey])
const replied = {
  format: 'mailseal-enrollment-reply/1',
  certificate: toBase64url(certified),
  serial: SERIAL,
  authority: toBase64url(authorityBytes),
  recovered: [] as string[],
  crl: { number: 1_790_000_001, hash: toBase64url(bytesOf('list')) },
  directoryToken: 'a-token-of-the-directory',
} as const
const { format: _, ...replyContent } = replied

const replyHeaders = {
  request: toBase64url(request),
  'reply-key': toHex(replyKey.key),
  'reply-nonce': toHex(replyKey.nonce),
}
const reply = sealEnrollmentReply(replyKey, request, replyContent)
const sealedAsReply = (plaintext: Uint8Array) => sealReply(replyKey, sha256(request), plaintext)

const badReply = (
  what: string,
  body: Uint8Array,
  expect: ErrorCode = 'cannot-decrypt',
  changes: Partial<typeof replyHeaders> = {},
): Draft => ({ name: slug(what), about: `refused: ${what}`, headers: { ...replyHeaders, ...changes }, body, expect })

export const enrollmentReplies: readonly Draft[] = [
  { name: 'good', about: 'a reply without history', headers: replyHeaders, body: reply },
  {
    name: 'with-history',
    about: 'a reply to an enrollment by recovery: two encryption keys, each sealed under the temporary key besides',
    headers: replyHeaders,
    body: sealEnrollmentReply(replyKey, request, { ...replyContent, recovered: history.map(toBase64url) }),
  },
  ...bitChanges(reply, {
    'another kind': 0,
    'another version': 9,
    'another AEAD': 15,
    'another ciphertext': 16,
    'another tag': -1,
  }).map(([what, body]) => badReply(what, body)),
  badReply('cut off', reply.subarray(0, 20)),
  badReply('beside another request', reply, 'cannot-decrypt', { request: toBase64url(utf8('another request')) }),
  badReply('under another key', reply, 'cannot-decrypt', { 'reply-key': toHex(bytesOf('another reply key')) }),
  badReply('under another nonce', reply, 'cannot-decrypt', { 'reply-nonce': toHex(bytesOf('nonce').subarray(0, 12)) }),
  ...[
    ...withoutEach(replied),
    ...withEach(replied, {
      format: [['of another version', 'mailseal-enrollment-reply/2']],
      serial: [
        ['too short', SERIAL.slice(1)],
        ['in capitals', SERIAL.toUpperCase()],
      ],
      recovered: [
        ['too many', Array.from({ length: 257 }, () => 'AAAA')],
        ['not a list', 'AAAA'],
      ],
      crl: [
        ['without its hash', { number: 1 }],
        ['with a number below zero', { number: -1, hash: replied.crl.hash }],
      ],
      directoryToken: [['empty', '']],
    }),
  ].map(([what, changed]) => badReply(`inside ${what}`, sealedAsReply(sortedBytes(changed)), 'bad-data')),
  ...otherForms(sortedJson(replied)).map(([what, plaintext]) =>
    badReply(`inside ${what}`, sealedAsReply(plaintext), 'bad-data'),
  ),
]
