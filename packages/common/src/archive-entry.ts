import { canonicalJson } from './canonical-json.ts'
import { MailsealError } from './errors.ts'
import { LIMITS } from './limits.ts'
import { assertHeader, openSealed, type SealingKeyPair, sealTo } from './sealed-channel.ts'

/** What an archive entry belongs to; it opens under exactly the same. */
export interface ArchiveEntrySubject {
  /** Root of the organization, lower-case hex fingerprint. */
  readonly rootFingerprint: string
  readonly generation: number
  readonly mailbox: string
  /** Lower-case hex. */
  readonly subkeyFingerprint: string
}

function infoOf(subject: ArchiveEntrySubject): Uint8Array {
  const { rootFingerprint, generation, mailbox, subkeyFingerprint } = subject
  return canonicalJson({ format: 'mailseal-archive-entry/1', rootFingerprint, generation, mailbox, subkeyFingerprint })
}

/** Seals a bare secret encryption subkey to the archive key; only the administrators' quorum can open it. */
export function sealArchiveEntry(
  archiveKey: Uint8Array,
  subject: ArchiveEntrySubject,
  secretSubkey: Uint8Array,
): Promise<Uint8Array<ArrayBuffer>> {
  return sealTo(archiveKey, { kind: 'MSEALARC', info: infoOf(subject), plaintext: secretSubkey })
}

/**
 * Opens an archive entry.
 *
 * @throws {@link MailsealError} `bad-data` or `cannot-decrypt`.
 */
export function openArchiveEntry(
  archive: SealingKeyPair,
  subject: ArchiveEntrySubject,
  entry: Uint8Array,
): Promise<Uint8Array<ArrayBuffer>> {
  return openSealed(archive, { kind: 'MSEALARC', info: infoOf(subject), sealed: entry })
}

/**
 * What can be said of an entry without opening it: its form and size.
 *
 * @throws {@link MailsealError} `bad-data` or `too-large`.
 */
export function assertArchiveEntry(entry: Uint8Array): void {
  if (entry.length > LIMITS.archiveEntry)
    throw new MailsealError('too-large', `the archive entry is larger than ${LIMITS.archiveEntry} bytes`)
  assertHeader(entry, 'MSEALARC')
}
