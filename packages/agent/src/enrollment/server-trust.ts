import { domainOf, MailsealError } from '@mailseal/common'
import type { Authority } from '@mailseal/common/authority'
import { asServerUrl, isLoopback } from '@mailseal/common/rpc'
import type { Context } from '../context.ts'

/**
 * Reads a root's fingerprint as people copy it: any case, blanks and colons between.
 *
 * @throws {@link MailsealError} `usage`.
 */
export function asRootFingerprint(text: string): string {
  const fingerprint = text.replace(/[\s:]/g, '').toLowerCase()
  if (/^[0-9a-f]{64}$/.test(fingerprint)) return fingerprint
  throw new MailsealError('usage', "the root's fingerprint does not have 64 hex digits", {
    hint: 'your administrator sees it with: mailseal-admin authority show',
  })
}

/**
 * Decides whether the server that an enrollment message names may be contacted: on this machine, or https on the
 * address's own domain, or with the root that the user named, or confirmed by a person.
 *
 * @param document - The message's authority document, vouched for by the temporary key.
 * @throws {@link MailsealError} `server-not-trusted`.
 */
export async function assertServerTrusted(
  context: Context,
  {
    server,
    address,
    document,
    root,
  }: { server: string; address: string; document: Authority; root: string | undefined },
): Promise<void> {
  const url = asServerUrl(server)
  const domain = domainOf(address)
  const isOwn = url.hostname === domain || url.hostname.endsWith(`.${domain}`)
  if (isLoopback(url) || (url.protocol === 'https:' && isOwn) || root !== undefined) return
  const { organization, rootFingerprint } = document
  if (await context.confirmServer({ server: url.href, organization, rootFingerprint })) return
  throw new MailsealError('server-not-trusted', `nothing vouches for the KM server at ${url.origin}`, {
    hint: "ask your administrator for the root's fingerprint and give it with --root FINGERPRINT",
  })
}
