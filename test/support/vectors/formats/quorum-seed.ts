import { asText, fromHex, toHex } from '@mailseal/common'
import { rootFingerprintOf } from '@mailseal/common/authority'
import { deriveQuorum } from '@mailseal/common/quorum-seed'
import type { Format } from '../format.ts'

/** The 32 bytes that an organization hangs on, in hex. */
export const quorumSeed: Format = {
  name: 'quorum-seed',
  inputs: [],
  results: ['root', 'root-fingerprint', 'archive-private-key', 'archive-key'],
  makings: [],
  async read({ body }) {
    const { root, archive } = deriveQuorum(fromHex(asText(body, 'the seed'), 'the seed'))
    return {
      root: toHex(root.publicKey),
      'root-fingerprint': rootFingerprintOf(root.publicKey),
      'archive-private-key': toHex(archive.privateKey),
      'archive-key': toHex(archive.publicKey),
    }
  },
  write: async () => ({}),
}
