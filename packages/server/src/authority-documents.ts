import { equalBytes, MailsealError } from '@mailseal/common'
import { type Authority, readAuthority } from '@mailseal/common/authority'
import type { AuthorityDocumentRow, Reads } from './store/store.ts'

/** An authority document with the private half of its enrollment key, still sealed. */
export interface StoredAuthority {
  readonly authority: Authority
  readonly row: AuthorityDocumentRow
}

/** Reads the authority documents that the store keeps; the newest is parsed and verified once, not at every look. */
export interface AuthorityDocuments {
  /** @throws {@link MailsealError} `internal-error` if there is none: no server starts without. */
  newest(reads: Reads): Promise<Authority>
  /** The document of this hash; null if it is unknown. */
  withHash(reads: Reads, hash: Uint8Array): Promise<StoredAuthority | null>
}

export function createAuthorityDocuments(): AuthorityDocuments {
  let held: Authority | null = null

  const parsed = (row: AuthorityDocumentRow): Authority => {
    if (held === null || !equalBytes(held.hash, row.hash)) held = readAuthority(row.bytes)
    return held
  }

  return {
    async newest(reads) {
      const row = await reads.latestAuthorityDocument()
      if (row === null) throw new MailsealError('internal-error', 'the KM server has no authority document')
      return parsed(row)
    },
    async withHash(reads, hash) {
      const row = await reads.authorityDocument(hash)
      return row === null ? null : { authority: parsed(row), row }
    },
  }
}
