import { type Authority, trustedAuthorities } from '@mailseal/common/authority'
import type { TrustedAuthority } from '@mailseal/common/certificate'

/** An authority document made ready: whom to believe what. */
export interface Trust {
  readonly document: Authority
  readonly authorities: readonly TrustedAuthority[]
  readonly domains: readonly string[]
}

/** @throws {@link MailsealError} `bad-data` or `untrusted` if a CA is not what the document says. */
export async function trustOf(document: Authority): Promise<Trust> {
  return { document, authorities: await trustedAuthorities(document), domains: document.domains }
}
