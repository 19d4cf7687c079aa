import type { Draft } from '../format.ts'

/**
 * What the vectors of each format are made of, by the format's name. One file after the other: each fixes all randomness
 * for a while, and modules that are imported at once are evaluated side by side.
 */
export async function allDrafts(): Promise<ReadonlyMap<string, readonly Draft[]>> {
  const plain = await import('./plain.ts')
  const authorities = await import('./authorities.ts')
  const offers = await import('./offers.ts')
  const enrollment = await import('./enrollment.ts')
  const archive = await import('./archive.ts')
  const requests = await import('./requests.ts')
  const certificates = await import('./certificates.ts')
  const certified = await import('./certified.ts')
  const renewals = await import('./renewals.ts')
  const lists = await import('./lists.ts')
  const keyFiles = await import('./key-files.ts')
  return new Map([
    ['temporary-key', plain.temporaryKeys],
    ['dates', plain.dateTables],
    ['quorum-seed', plain.quorumSeeds],
    ['authority', authorities.authorities],
    ['offer', offers.offers],
    ['server-time', offers.serverTimes],
    ['attachment', offers.attachments],
    ['enrollment-request', enrollment.enrollmentRequests],
    ['enrollment-reply', enrollment.enrollmentReplies],
    ['history', archive.histories],
    ['archive-entry', archive.archiveEntries],
    ['signed-request', requests.signedRequests],
    ['certificate', certificates.certificates],
    ['premade-revocations', certificates.premadeRevocations],
    ['certified-certificate', certified.certifiedCertificates],
    ['renewal', renewals.renewals],
    ['end-of-use', renewals.endsOfUse],
    ['crl', lists.lists],
    ['key-file', keyFiles.keyFiles],
    ['key-file-content', keyFiles.keyFileContents],
    ['pending', keyFiles.pendings],
  ])
}
