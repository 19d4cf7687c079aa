import { addressOfUserId, asAddress, concat, MailsealError } from '@mailseal/common'
import { parseCertificate } from '@mailseal/common/certificate'
import type { Mailbox, Reads } from '../store/store.ts'
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
 * By address the certificate of a mailbox's current key, or else of the one that ended last, so that nobody takes an ended
 * certificate for none; by fingerprint any that ever was. Both with their revocations, for ever.
 *
 * @param name - An address or a fingerprint; attacker-controlled.
 * @throws {@link MailsealError} `not-found`; `bad-data` if it is neither.
 */
export function showCertificate({ store }: TaskContext, name: string): Promise<Uint8Array> {
  return store.read(async (reads) => {
    if (/^[0-9a-fA-F]{40}$/.test(name)) return certificateOfKey(reads, name.toLowerCase())
    const address = asAddress(name)
    const certificate = await certificateOfMailbox(reads, await reads.mailboxByAddress(address))
    if (certificate !== null) return certificate
    throw new MailsealError('not-found', `${address} has no certificate here`, {
      hint: 'the certificate of a mailbox that was removed is found by its fingerprint',
    })
  })
}

async function certificateOfMailbox(reads: Reads, mailbox: Mailbox | null): Promise<Uint8Array | null> {
  if (mailbox === null) return null
  const current = mailbox.currentSerial === null ? null : await reads.certificate(mailbox.currentSerial)
  if (current !== null) return certificateOfKey(reads, current.fingerprint)
  const ended = await reads.newestKey(mailbox.id)
  if (ended === null) return null
  // The mailbox may have had another address then: that certificate is not this one's.
  const { userId } = await parseCertificate(ended.certificate)
  return addressOfUserId(userId) === mailbox.address ? ended.certificate : null
}

async function certificateOfKey(reads: Reads, fingerprint: string): Promise<Uint8Array> {
  const key = await reads.key(fingerprint)
  if (key !== null) return key.certificate
  throw new MailsealError('not-found', `no certificate here has the fingerprint ${fingerprint}`)
}
