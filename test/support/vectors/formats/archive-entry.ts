import { toBase64url } from '@mailseal/common'
import {
  type ArchiveEntrySubject,
  assertArchiveEntry,
  openArchiveEntry,
  sealArchiveEntry,
} from '@mailseal/common/archive-entry'
import { readSecretSubkey } from '@mailseal/common/certificate'
import { sealingKeyPairOf } from '@mailseal/common/sealed-channel'
import type { Format, Given } from '../format.ts'
import { withRandomness } from '../randomness.ts'

/** An archive entry, opened by the quorum. */
export const archiveEntry: Format = {
  name: 'archive-entry',
  inputs: ['archive-private-key', 'root-fingerprint', 'generation', 'mailbox', 'subkey-fingerprint'],
  results: ['secret-subkey', 'found-fingerprint'],
  makings: ['randomness'],
  async read(given) {
    assertArchiveEntry(given.body)
    const secret = await openArchiveEntry(archiveOf(given), subjectOf(given), given.body)
    const { fingerprint } = await readSecretSubkey(secret)
    return { 'secret-subkey': toBase64url(secret), 'found-fingerprint': fingerprint }
  },
  async write(given) {
    const { publicKey } = archiveOf(given)
    const body = await withRandomness(given.text('randomness'), () =>
      sealArchiveEntry(publicKey, subjectOf(given), given.bytes('secret-subkey')),
    )
    return { body }
  },
}

const archiveOf = (given: Given) => sealingKeyPairOf(given.hex('archive-private-key'))

function subjectOf(given: Given): ArchiveEntrySubject {
  return {
    rootFingerprint: given.text('root-fingerprint'),
    generation: given.number('generation'),
    mailbox: given.text('mailbox'),
    subkeyFingerprint: given.text('subkey-fingerprint'),
  }
}
