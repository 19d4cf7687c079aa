import type * as openpgp from 'openpgp'
import * as v from 'valibot'
import { signForPurpose, verifyForPurpose } from './certificate/index.ts'
import { concat, utf8 } from './encoding.ts'
import { MailsealError } from './errors.ts'
import { LIMITS } from './limits.ts'
import { REVOKE_REASONS } from './rpc/index.ts'
import { base64url, count, hex, readFormat, text, writeFormat } from './schema.ts'

const MAGIC = utf8('mailseal/1 signed request\n')

const reportSchema = v.strictObject({
  /** Number of the revocation list that the agent holds; 0 if none. */
  crlNumber: count,
  /** Program and version. */
  agent: text(64),
})

/** What a report tells the KM server. */
export type Report = v.InferOutput<typeof reportSchema>

const renewalSchema = v.strictObject({
  /** One binary signature packet each, dated as the request. */
  selfSignature: base64url(LIMITS.signature),
  binding: base64url(LIMITS.signature),
  agent: text(64),
})

const revocationSchema = v.strictObject({ reason: v.picklist(REVOKE_REASONS), agent: text(64) })

const common = {
  format: v.literal('mailseal-request/1'),
  /** Fingerprint of the pinned root, lower-case hex. */
  root: hex(64),
  /** 128 random bits: a repeat is answered with the same result. */
  id: hex(32),
  /** Unix seconds at the agent. */
  time: count,
  serial: hex(16),
}

const requestSchema = v.variant('purpose', [
  v.strictObject({ ...common, purpose: v.literal('report'), body: reportSchema }),
  v.strictObject({ ...common, purpose: v.literal('renew'), body: renewalSchema }),
  v.strictObject({ ...common, purpose: v.literal('revoke'), body: revocationSchema }),
])

type WithoutFormat<T> = T extends unknown ? Omit<T, 'format'> : never

/** A request by a user, signed with the user's primary key. */
export type UserRequest = v.InferOutput<typeof requestSchema>
/** A request of one purpose. */
export type UserRequestFor<P extends UserRequest['purpose']> = Extract<UserRequest, { purpose: P }>
/** A request as written: binary members are base64url. */
export type UserRequestContent = WithoutFormat<v.InferInput<typeof requestSchema>>

/** A signed request as it travels. */
export interface SignedRequest {
  /** Canonical JSON. */
  readonly request: Uint8Array
  /** One binary signature packet. */
  readonly signature: Uint8Array
}

/** Signs a user's request for its purpose. The domain is the organization's first. */
export async function signUserRequest(
  primary: openpgp.SecretKeyPacket,
  domain: string,
  content: UserRequestContent,
): Promise<SignedRequest> {
  const request = writeFormat(requestSchema, { ...content, format: 'mailseal-request/1' }, 'the request')
  const signature = await signForPurpose(primary, {
    purpose: `request-${content.purpose}`,
    domain,
    bytes: concat(MAGIC, request),
    at: content.time,
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
    purpose: `request-${content.purpose}`,
    domains,
    bytes: concat(MAGIC, signed.request),
    signature: signed.signature,
  })
  if (signedAt !== content.time)
    throw new MailsealError('untrusted', 'the request is not signed by the key of its certificate')
  return content
}
