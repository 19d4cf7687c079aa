import { asAddress, concat, MailsealError } from '@mailseal/common'
import type { Reads } from '../store/store.ts'
import type { TaskContext } from './context.ts'

/**
 * The newest authority document, or that of a version; all are kept for ever.
 *
 * @throws {@link MailsealError} `not-found`.
 */
export function showAuthorityDocument({ store }: TaskContext, version: number | null): Promise<Uint8Array> {
  return store.read(async (reads) => {
    const row = await (version === null ? reads.latestAuthorityDocument() : reads.authorityDocumentOfVersion(version))
    if (row !== null) return row.bytes
    throw new MailsealError('not-found', `there is no authority document of version ${version}`)
  })
}

/** The certificates of the organization's CAs, binary, one behind the other. */
export async function showAuthorities({ store, documents }: TaskContext): Promise<Uint8Array> {
  const { authorities } = await store.read((reads) => documents.newest(reads))
  return concat(...authorities.map(({ certificate }) => certificate))
}

/**
 * By address the current certificate of a mailbox; by fingerprint any that ever was, with its revocations, for ever.
 *
 * @param name - An address or a fingerprint; attacker-controlled.
 * @throws {@link MailsealError} `not-found`; `bad-data` if it is neither.
 */
export function showCertificate({ store }: TaskContext, name: string): Promise<Uint8Array> {
  return store.read(async (reads) => {
    if (/^[0-9a-fA-F]{40}$/.test(name)) return certificateOfKey(reads, name.toLowerCase())
    const address = asAddress(name)
    const mailbox = await reads.mailboxByAddress(address)
    const current = mailbox?.currentSerial ? await reads.certificate(mailbox.currentSerial) : null
    if (current !== null) return certificateOfKey(reads, current.fingerprint)
    throw new MailsealError('not-found', `${address} has no current certificate here`, {
      hint: 'a certificate that has ended is found by its fingerprint',
    })
  })
}

async function certificateOfKey(reads: Reads, fingerprint: string): Promise<Uint8Array> {
  const key = await reads.key(fingerprint)
  if (key !== null) return key.certificate
  throw new MailsealError('not-found', `no certificate here has the fingerprint ${fingerprint}`)
}
