import { LIMITS, MailsealError } from '@mailseal/common'
import { type Authority, readAuthority, trustedAuthorities } from '@mailseal/common/authority'
import { verifyForPurpose } from '@mailseal/common/certificate'
import { type CrlHeader, checkCrl, type VerifyCrl } from '@mailseal/common/crl'
import { PATHS, type RpcClient } from '@mailseal/common/rpc'

/* What the KM server shows to everybody. Each piece is signed; which root is the right one is for people to compare. */

/**
 * The newest authority document, its root's signature checked.
 *
 * @throws {@link MailsealError} `untrusted`, `bad-data`, `server-unreachable`.
 */
export async function readPublishedAuthority(rpc: RpcClient): Promise<Authority> {
  return readAuthority(await getWhole(rpc, PATHS.authority, LIMITS.authorityDocument))
}

/**
 * The header of the current revocation list, checked whole against the organization's active CAs.
 *
 * @param now - Unix seconds.
 * @throws {@link MailsealError} `revocation-list-refused`, and as {@link readPublishedAuthority}.
 */
export async function readPublishedCrl(rpc: RpcClient, now: number): Promise<CrlHeader> {
  const authority = await readPublishedAuthority(rpc)
  const keys = await trustedAuthorities(authority)
  const active = new Map(
    keys.filter(({ state }) => state === 'active').map(({ fingerprint, key }) => [fingerprint, key]),
  )
  const verify: VerifyCrl = async (bytes, signature, issuer, thisUpdate) => {
    const key = active.get(issuer)
    if (key === undefined) return false
    const { domains } = authority
    return (await verifyForPurpose(key, { purpose: 'revocation-list', domains, bytes, signature })) === thisUpdate
  }
  const list = await getWhole(rpc, PATHS.crl, LIMITS.crl)
  const { header } = await checkCrl(list, { authorities: new Set(active.keys()), verify, now })
  return header
}

async function getWhole(rpc: RpcClient, path: string, limit: number): Promise<Uint8Array> {
  const answer = await rpc.getBytes(path, limit)
  // Only an answer to "what is newer than mine" may be empty, and that was not asked.
  if (answer === null) throw new MailsealError('bad-data', 'the KM server answered with nothing')
  return answer.bytes
}
