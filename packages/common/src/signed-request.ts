import type * as openpgp from 'openpgp'
import * as v from 'valibot'
import { type CanonicalValue, canonicalJson } from './canonical-json.ts'
import { signForPurpose, verifyForPurpose } from './certificate/index.ts'
import { concat, utf8 } from './encoding.ts'
import { MailsealError } from './errors.ts'
import { LIMITS } from './limits.ts'
import { count, hex, readFormat, text, validate } from './schema.ts'

const MAGIC = utf8('mailseal/1 signed request\n')

const reportSchema = v.strictObject({
  /** Number of the revocation list that the agent holds; 0 if none. */
  crlNumber: count,
  /** Program and version. */
  agent: text(64),
})

/** What a report tells the KM server. */
export type Report = v.InferOutput<typeof reportSchema>

const requestSchema = v.strictObject({
  format: v.literal('mailseal-request/1'),
  purpose: v.literal('report'),
  /** Fingerprint of the pinned root, lower-case hex. */
  root: hex(64),
  /** 128 random bits: a repeat is answered with the same result. */
  id: hex(32),
  /** Unix seconds at the agent. */
  time: count,
  serial: hex(16),
  body: reportSchema,
})

/** A request by a user, signed with the user's primary key. */
export type UserRequest = v.InferOutput<typeof requestSchema>

/** A signed request as it travels. */
export interface SignedRequest {
  /** Canonical JSON. */
  readonly request: Uint8Array
  /** One binary signature packet. */
  readonly signature: Uint8Array
}

/** Signs a user's request. The domain is the organization's first. */
export async function signUserRequest(
  primary: openpgp.SecretKeyPacket,
  domain: string,
  content: Omit<UserRequest, 'format'>,
): Promise<SignedRequest> {
  const value: UserRequest = { ...content, format: 'mailseal-request/1' }
  validate(requestSchema, value, 'the request')
  const request = canonicalJson(value satisfies CanonicalValue)
  const signature = await signForPurpose(primary, {
    purpose: 'request-report',
    domain,
    bytes: concat(MAGIC, request),
    at: value.time,
  })
  return { request, signature }
}

/**
 * Reads what a request says, to find out whose it claims to be. Nothing is verified yet.
 *
 * @throws {@link MailsealError} `bad-data` or `too-large`.
 */
export function readUserRequest(request: Uint8Array): UserRequest {
  return readFormat(requestSchema, request, 'the request', LIMITS.signedRequest)
}

/**
 * Checks a request's signature by the user's primary key, made for requests and at the time it names.
 *
 * @throws {@link MailsealError} `untrusted`.
 */
export async function verifyUserRequest(
  primary: openpgp.PublicKeyPacket,
  domains: readonly string[],
  signed: SignedRequest,
): Promise<UserRequest> {
  const content = readUserRequest(signed.request)
  const signedAt = await verifyForPurpose(primary, {
    purpose: 'request-report',
    domains,
    bytes: concat(MAGIC, signed.request),
    signature: signed.signature,
  })
  if (signedAt !== content.time)
    throw new MailsealError('untrusted', 'the request is not signed by the key of its certificate')
  return content
}
