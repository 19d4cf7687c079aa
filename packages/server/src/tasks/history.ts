import { LIMITS, MailsealError } from '@mailseal/common'
import { openArchiveEntry } from '@mailseal/common/archive-entry'
import { readSecretSubkey } from '@mailseal/common/certificate'
import type { OpenedArchive } from '../archive/opened-archive.ts'
import type { ArchiveEntryRow, Store } from '../store/store.ts'

/** A key file holds the new key besides. */
const MOST_KEYS = LIMITS.keyFileKeys - 1

/** What the archive gives back for a mailbox. */
export interface History {
  /** Bare secret encryption subkeys, oldest first; the caller erases them. */
  readonly subkeys: readonly Uint8Array[]
  /** Fingerprints of subkeys that do not come back. */
  readonly damaged: readonly string[]
}

/**
 * Opens all that the archive holds for a mailbox id: each encryption subkey once, however many generations sealed it. An
 * entry that does not open, or holds another secret than it should, is named, and the others come back all the same.
 */
export async function readHistory(store: Store, mailboxId: string, archive: OpenedArchive): Promise<History> {
  const entries = await store.read((reads) => reads.archiveEntries(mailboxId))
  const bySubkey = [...Map.groupBy(entries, ({ subkeyFingerprint }) => subkeyFingerprint)]
  const subkeys: Uint8Array[] = []
  // Those that no key file has room for.
  const damaged = bySubkey.slice(0, -MOST_KEYS).map(([fingerprint]) => fingerprint)
  for (const [fingerprint, sealed] of bySubkey.slice(-MOST_KEYS)) {
    const subkey = await firstThatOpens(sealed.toReversed(), archive)
    if (subkey === null) damaged.push(fingerprint)
    else subkeys.push(subkey)
  }
  return { subkeys, damaged }
}

async function firstThatOpens(entries: readonly ArchiveEntryRow[], archive: OpenedArchive): Promise<Uint8Array | null> {
  for (const entry of entries) {
    const subkey = await opened(entry, archive)
    if (subkey !== null) return subkey
  }
  return null
}

/** @returns null if the entry is damaged. */
async function opened(row: ArchiveEntryRow, { generation, keyPair }: OpenedArchive): Promise<Uint8Array | null> {
  const { mailboxId: mailbox, generation: number, subkeyFingerprint, entry } = row
  const subject = { rootFingerprint: generation.rootFingerprint, generation: number, mailbox, subkeyFingerprint }
  try {
    const secret = await openArchiveEntry(keyPair, subject, entry)
    const { fingerprint } = await readSecretSubkey(secret)
    return fingerprint === subkeyFingerprint ? secret : null
  } catch (thrown) {
    if (thrown instanceof MailsealError) return null
    throw thrown
  }
}
