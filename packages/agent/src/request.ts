import { MailsealError, toBase64url, toHex, VERSION } from '@mailseal/common'
import { notationDomain } from '@mailseal/common/authority'
import { readPrimarySecret } from '@mailseal/common/certificate'
import { PATHS } from '@mailseal/common/rpc'
import { signUserRequest, type UserRequestContent } from '@mailseal/common/signed-request'
import type * as v from 'valibot'
import { type Context, connect, type Enrolled } from './context.ts'

/** Program and version, as the KM server is told. */
export const AGENT = `mailseal/${VERSION}`

/** What every request to the KM server says, whatever it is for. */
export function requestHead(context: Context, { identity, trust }: Enrolled) {
  return {
    root: trust.document.rootFingerprint,
    id: toHex(context.random(16)),
    time: context.clock.now(),
    serial: identity.serial,
  }
}

/**
 * Signs a request with the own primary key and sends it.
 *
 * @param secretKey - The whole secret key of the identity.
 * @throws {@link MailsealError} `clock-wrong`, `server-unreachable`, what the server says.
 */
export async function sendRequest<S extends v.GenericSchema>(
  context: Context,
  { identity, trust }: Enrolled,
  secretKey: Uint8Array,
  { content, answer }: { content: UserRequestContent; answer: S },
): Promise<v.InferOutput<S>> {
  const primary = await readPrimarySecret(secretKey)
  if (content.time * 1000 < primary.created.getTime()) {
    throw new MailsealError('clock-wrong', "this computer's clock is before the time at which the key was made")
  }
  const { request, signature } = await signUserRequest(primary, notationDomain(trust.document), content)
  const client = connect(context, identity.server, context.timeouts.request)
  const body = { request: toBase64url(request), signature: toBase64url(signature) }
  return client.post(PATHS.requests, body, answer)
}
