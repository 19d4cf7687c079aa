import { systemRandom, toBase64url, toHex, utf8 } from '@mailseal/common'
import { type Authority, notationDomain } from '@mailseal/common/authority'
import {
  makeRenewal,
  makeUserKey,
  parseCertificate,
  readPrimarySecret,
  type UserKey,
} from '@mailseal/common/certificate'
import type { RevokeReason } from '@mailseal/common/rpc'
import { type SignedRequest, signUserRequest, type UserRequestContent } from '@mailseal/common/signed-request'
import { START } from '../km-server.ts'
import type { Certificate, RequestFacts, UserTask } from '../model.ts'
import type { RequestFault } from './steps.ts'

/** A user's signed request, ready to be sent as often as one likes. */
export interface SentRequest extends RequestFacts {
  readonly signed: SignedRequest
  readonly reason: RevokeReason
  /** What the server answered, as long as it keeps that. */
  answered: { readonly answer: string; readonly at: number } | null
}

interface RequestOptions {
  readonly purpose: UserTask
  readonly reason: RevokeReason
  readonly certificate: Certificate
  /** Of the certificate's key. */
  readonly secret: UserKey
  readonly authority: Authority
  /** Unix seconds. */
  readonly now: number
  readonly fault: RequestFault | null
}

/** These leave a request genuine. */
const TIME_FAULTS: Partial<Record<RequestFault, number>> = {
  'eleven minutes old': -660,
  'eleven minutes ahead': 660,
  'six minutes ahead': 360,
}

/** Makes what an agent sends, or what a hostile or broken one does. */
export async function prepareRequest(options: RequestOptions): Promise<SentRequest> {
  const { purpose, reason, certificate, secret, authority, now, fault } = options
  const time = now + (fault === null ? 0 : (TIME_FAULTS[fault] ?? 0))
  const head = {
    root: fault === 'of another organization' ? '0'.repeat(64) : authority.rootFingerprint,
    id: toHex(systemRandom(16)),
    time,
    serial: fault === 'with an unknown serial number' ? 'f'.repeat(16) : certificate.serial,
  }
  const isOtherDate = fault === 'with signatures of another date'
  const signer = fault === "signed with another's key" ? await makeUserKey('<mallory@example.org>', START) : secret
  const primary = await readPrimarySecret(signer.secretKey)
  const sign = async (content: UserRequestContent) => signUserRequest(primary, notationDomain(authority), content)
  const content = await contentOf(head, options, isOtherDate ? time - 1 : time)
  const signed = await sign(content)
  const isGenuine = fault === null || fault in TIME_FAULTS || isOtherDate
  const request = { purpose, reason, certificate, time, isGenuine, isBodyRight: !isOtherDate, answered: null }
  switch (fault) {
    case 'changed on its way':
      return { ...request, signed: { ...signed, request: withOtherId(signed.request, head.id) } }
    case 'signed for another purpose': {
      const other = await contentOf(head, { ...options, purpose: purpose === 'report' ? 'revoke' : 'report' }, time)
      return { ...request, signed: { ...signed, signature: (await sign(other)).signature } }
    }
    default:
      return { ...request, signed }
  }
}

async function contentOf(
  head: { root: string; id: string; time: number; serial: string },
  { purpose, reason, secret }: RequestOptions,
  date: number,
): Promise<UserRequestContent> {
  const agent = 'test/1'
  if (purpose === 'report') return { ...head, purpose, body: { crlNumber: 7, agent } }
  if (purpose === 'revoke') return { ...head, purpose, body: { reason, agent } }
  const primary = await readPrimarySecret(secret.secretKey)
  const { selfSignature, binding } = await makeRenewal(primary, await parseCertificate(secret.certificate), date)
  return { ...head, purpose, body: { selfSignature: toBase64url(selfSignature), binding: toBase64url(binding), agent } }
}

function withOtherId(request: Uint8Array, id: string): Uint8Array {
  return utf8(new TextDecoder().decode(request).replace(id, toHex(systemRandom(16))))
}
