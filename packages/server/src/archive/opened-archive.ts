import { MailsealError } from '@mailseal/common'
import type { Authority } from '@mailseal/common/authority'
import type { SealingKeyPair } from '@mailseal/common/sealed-channel'
import type { VerifiedAdministrator } from '../administrators.ts'
import type { AuthorityDocuments } from '../authority-documents.ts'
import type { Store } from '../store/store.ts'
import { combineSeed, type Generation, type HeldShare, requiredShares } from './quorum.ts'

/** The archive of a generation while a task is done. */
export interface OpenedArchive {
  readonly generation: Generation
  readonly keyPair: SealingKeyPair
}

/**
 * Opens the archive at its first use, and gives the same from then on.
 *
 * @param address - For whom it is opened, as a refusal names it.
 * @throws {@link MailsealError} `password-wrong` if more administrators are needed; `cannot-decrypt`.
 */
export type OpenArchive = (address: string) => Promise<OpenedArchive>

/**
 * Lets a task open the archive with the administrators who asked for it: at most once, and closed again when the task is
 * done. The quorum seed is erased as soon as the archive key is derived.
 */
export async function withArchive<T>(
  context: { readonly store: Store; readonly documents: AuthorityDocuments },
  administrators: readonly VerifiedAdministrator[],
  work: (open: OpenArchive) => Promise<T>,
): Promise<T> {
  let opened: Promise<OpenedArchive> | null = null
  const open: OpenArchive = async (address) => {
    const { held, authority } = await look(context, administrators)
    assertEnough(held, address)
    opened ??= openWith(held, authority)
    return opened
  }
  try {
    return await work(open)
  } finally {
    const archive = await (opened as Promise<OpenedArchive> | null)?.catch(() => null)
    archive?.keyPair.privateKey.fill(0)
  }
}

function look(
  { store, documents }: { readonly store: Store; readonly documents: AuthorityDocuments },
  administrators: readonly VerifiedAdministrator[],
): Promise<{ held: HeldShare[]; authority: Authority }> {
  return store.read(async (reads) => {
    const held: HeldShare[] = []
    for (const { name, keyPair } of administrators) {
      const row = await reads.administrator(name)
      if (row !== null) held.push({ administrator: name, keyPair, ...row })
    }
    return { held, authority: await documents.newest(reads) }
  })
}

function assertEnough(held: readonly HeldShare[], address: string): void {
  const [first] = held
  const required = first === undefined ? 1 : requiredShares(first)
  if (held.length >= required) return
  const message = `the key history of ${address} requires the passwords of ${required} administrators`
  throw new MailsealError('password-wrong', `${message}, and ${held.length} were entered`, {
    hint: `enter the passwords of ${required} administrators`,
  })
}

async function openWith(held: readonly HeldShare[], authority: Authority): Promise<OpenedArchive> {
  const { rootFingerprint, generation: number, archiveKey } = authority
  const generation = { rootFingerprint, number }
  const { seed, quorum } = await combineSeed(held, { generation, archiveKey })
  seed.fill(0)
  return { generation, keyPair: quorum.archive }
}
