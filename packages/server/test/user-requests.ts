import { toBase64url } from '@mailseal/common'
import { notationDomain } from '@mailseal/common/authority'
import { makeRenewal, parseCertificate, readPrimarySecret } from '@mailseal/common/certificate'
import { PATHS, type RevokeReason, type RpcClient, renewAnswerSchema, revokeAnswerSchema } from '@mailseal/common/rpc'
import { type SignedRequest, signUserRequest, type UserRequestContent } from '@mailseal/common/signed-request'
import { newId, type User } from './organization.ts'

/** What a test says otherwise than an honest agent would. */
interface Changes {
  readonly id?: string
  readonly serial?: string
  readonly root?: string
}

/** A request as the user's agent signs it at that time. */
export async function signRequest(
  user: User,
  at: number,
  content: Pick<UserRequestContent, 'purpose' | 'body'>,
  changes: Changes = {},
): Promise<SignedRequest> {
  const common = { root: user.authority.rootFingerprint, id: newId(), time: at, serial: user.reply.serial }
  const primary = await readPrimarySecret(user.key.secretKey)
  const request = { ...common, ...changes, ...content } as UserRequestContent
  return signUserRequest(primary, notationDomain(user.authority), request)
}

export async function signRenewal(
  user: User,
  at: number,
  { validFrom = at, ...changes }: Changes & { readonly validFrom?: number } = {},
): Promise<SignedRequest> {
  const certificate = await parseCertificate(user.reply.certificate)
  const primary = await readPrimarySecret(user.key.secretKey)
  const { selfSignature, binding } = await makeRenewal(primary, certificate, validFrom)
  const body = { selfSignature: toBase64url(selfSignature), binding: toBase64url(binding), agent: 'test/1' }
  return signRequest(user, at, { purpose: 'renew', body }, changes)
}

export function signRevocation(
  user: User,
  at: number,
  reason: RevokeReason,
  changes?: Changes,
): Promise<SignedRequest> {
  return signRequest(user, at, { purpose: 'revoke', body: { reason, agent: 'test/1' } }, changes)
}

const bodyOf = ({ request, signature }: SignedRequest) => ({
  request: toBase64url(request),
  signature: toBase64url(signature),
})

export const sendRenewal = (rpc: RpcClient, signed: SignedRequest) =>
  rpc.post(PATHS.requests, bodyOf(signed), renewAnswerSchema)

export const sendRevocation = (rpc: RpcClient, signed: SignedRequest) =>
  rpc.post(PATHS.requests, bodyOf(signed), revokeAnswerSchema)
