import { LIMITS, MailsealError } from '@mailseal/common'
import { readDirectoryToken } from '../directory-token.ts'
import type { Reads } from '../store/store.ts'
import type { TaskContext } from './context.ts'

/** Some of the current certificates, in the order of their addresses. */
export interface DirectoryPage {
  readonly certificates: readonly { address: string; fingerprint: string; certificate: Uint8Array }[]
  /** Cursor of the next page; null on the last. */
  readonly next: string | null
}

/**
 * Shows a page of the whole directory to an enrolled user's agent.
 *
 * @param token - From the enrollment's reply; attacker-controlled.
 * @param after - Address of the last row of the page before.
 * @throws {@link MailsealError} `refused-by-policy`.
 */
export function showDirectory(
  { store, unlocked }: TaskContext,
  { token, after }: { token: string; after: string },
): Promise<DirectoryPage> {
  return store.read(async (reads) => {
    await assertMayRead(reads, readDirectoryToken(unlocked, token))
    const rows = await reads.directoryPage(after, LIMITS.directoryPage + 1)
    const certificates = rows.slice(0, LIMITS.directoryPage)
    return { certificates, next: rows.length > certificates.length ? (certificates.at(-1)?.address ?? null) : null }
  })
}

/** A mailbox reads for as long as it is enrolled. */
async function assertMayRead(reads: Reads, mailboxId: string | null): Promise<void> {
  const mailbox = mailboxId === null ? null : await reads.mailbox(mailboxId)
  if (mailbox?.currentSerial) return
  throw new MailsealError('refused-by-policy', 'the directory opens to enrolled users only', {
    hint: 'one certificate is found by its exact address',
  })
}
