import { concat, type ErrorCode, toBase64url, toHex, utf8 } from '@mailseal/common'
import { makeRenewal, parseCertificate, signForPurpose, signMessage } from '@mailseal/common/certificate'
import { signUserRequest, type UserRequestContent } from '@mailseal/common/signed-request'
import * as openpgp from 'openpgp'
import type { Draft } from '../format.ts'
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
import { SUBPACKET, signByHand, takeApart } from './packets.ts'
import {
  alice,
  aliceSecret,
  authority,
  bytesOf,
  certified,
  DOMAIN,
  DOMAINS,
  mallorySecret,
  NOW,
  SERIAL,
} from './world.ts'

const LABEL = utf8('mailseal/1 signed request\n')
const LATER = NOW + 400 * 86_400

const common = { root: authority.rootFingerprint, id: toHex(bytesOf('request id').subarray(0, 16)), serial: SERIAL }
const renewed = await makeRenewal(aliceSecret, await parseCertificate(certified), LATER)
const report = {
  ...common,
  purpose: 'report',
  time: NOW,
  body: { crlNumber: 1_790_000_001, agent: 'mailseal/0.1.0' },
} as const
const renew = {
  ...common,
  purpose: 'renew',
  time: LATER,
  body: {
    selfSignature: toBase64url(renewed.selfSignature),
    binding: toBase64url(renewed.binding),
    agent: 'mailseal/0.1.0',
  },
} as const
const revoke = {
  ...common,
  purpose: 'revoke',
  time: NOW,
  body: { reason: 'compromised', agent: 'mailseal/0.1.0' },
} as const

const headers = { certificate: toBase64url(certified), domains: DOMAINS.join(',') }

const good = async (name: string, about: string, content: UserRequestContent): Promise<Draft> => {
  const { request, signature } = await signUserRequest(aliceSecret, DOMAIN, content)
  return {
    name,
    about,
    headers: { ...headers, signature: toBase64url(signature), 'secret-key': toBase64url(alice.secretKey) },
    body: request,
  }
}

interface Signing {
  readonly purpose?: 'request-report' | 'request-renew' | 'request-revoke' | 'revocation-list'
  readonly domain?: string
  readonly at?: number
  readonly label?: Uint8Array
  readonly signer?: openpgp.SecretKeyPacket
}
const sign = (
  request: Uint8Array,
  { purpose = 'request-report', domain = DOMAIN, at = NOW, label = LABEL, signer = aliceSecret }: Signing = {},
) => signForPurpose(signer, { purpose, domain, at, bytes: concat(label, request) })

const bad = (what: string, body: Uint8Array, signature: Uint8Array, expect: ErrorCode): Draft => ({
  name: slug(what),
  about: `refused: ${what}`,
  headers: { ...headers, signature: toBase64url(signature) },
  body,
  expect,
})

const reported: JsonObject = { ...report, format: 'mailseal-request/1' }
const request = sortedBytes(reported)
const signature = await sign(request)
const signedAs = takeApart(signature)
const byHand = (changes: Partial<typeof signedAs>) =>
  signByHand(aliceSecret, concat(LABEL, request), { ...signedAs, ...changes })
const isNotation = (one: { type: number }) => (one.type & 0x7f) === SUBPACKET.notation
const letter = new Uint8Array(
  (await openpgp.unarmor(await signMessage(aliceSecret, concat(LABEL, request), NOW))).data as Uint8Array,
)

const ofRenew: JsonObject = { ...renew, format: 'mailseal-request/1' }
const ofRevoke: JsonObject = { ...revoke, format: 'mailseal-request/1' }

const WRONG_MEMBERS: readonly Change[] = [
  ...withoutEach(reported),
  ...withEach(reported, {
    format: [['of another version', 'mailseal-request/2']],
    purpose: [['unknown', 'delete']],
    root: [['too short', '00']],
    id: [['in capitals', common.id.toUpperCase()]],
    time: [['negative', -1]],
    serial: [['too long', `${SERIAL}0`]],
    body: [
      ['of a revocation', revoke.body],
      ['with a member more', { ...report.body, zzz: 1 }],
      ['without its agent', { crlNumber: 1 }],
      ['with an agent that is too long', { crlNumber: 1, agent: 'x'.repeat(65) }],
    ],
  }),
  ...withEach(ofRenew, {
    body: [['of a renewal without binding', { selfSignature: renew.body.selfSignature, agent: 'a' }]],
  }),
  ...withEach(ofRevoke, { body: [['of a revocation with reason replaced', { ...revoke.body, reason: 'replaced' }]] }),
]

const untrusted = (what: string, made: Uint8Array, body: Uint8Array = request) => bad(what, body, made, 'untrusted')

export const signedRequests: readonly Draft[] = [
  await good('report', 'an agent reports which revocation list it holds', report),
  await good('renew', 'a renewal: its two signatures are dated as the request', renew),
  await good('revoke', 'a user revokes the own key', revoke),
  ...(await Promise.all(
    WRONG_MEMBERS.map(async ([what, changed]) =>
      bad(what, sortedBytes(changed), await sign(sortedBytes(changed)), 'bad-data'),
    ),
  )),
  ...(await Promise.all(
    otherForms(sortedJson(reported)).map(async ([what, bytes]) => bad(what, bytes, await sign(bytes), 'bad-data')),
  )),
  untrusted('signed by another key', await sign(request, { signer: mallorySecret })),
  untrusted('signed for another purpose', await sign(request, { purpose: 'request-revoke' })),
  untrusted('a report signed as a revocation list', await sign(request, { purpose: 'revocation-list' })),
  untrusted('a revocation signed as a report', await sign(sortedBytes(ofRevoke)), sortedBytes(ofRevoke)),
  untrusted('signed under a domain of another organization', await sign(request, { domain: 'example.com' })),
  untrusted('signed at another time', await sign(request, { at: NOW + 1 })),
  untrusted('signed without the label', await sign(request, { label: new Uint8Array() })),
  untrusted('signed as a letter', letter),
  untrusted(
    'a purpose that is not critical',
    await byHand({
      hashed: signedAs.hashed.map((one) => (isNotation(one) ? { ...one, type: SUBPACKET.notation } : one)),
    }),
  ),
  untrusted('two purposes', await byHand({ hashed: [...signedAs.hashed, ...signedAs.hashed.filter(isNotation)] })),
  untrusted(
    'a purpose outside the hashed area',
    await byHand({
      hashed: signedAs.hashed.filter((one) => !isNotation(one)),
      unhashed: signedAs.hashed.filter(isNotation),
    }),
  ),
  untrusted('two signatures', concat(signature, signature)),
  untrusted('one byte as signature', new Uint8Array(1)),
  untrusted('a key as signature', alice.certificate),
  ...bitChanges(signature, { 'a signature with a bit changed': -1 }).map(([what, bytes]) => untrusted(what, bytes)),
]
