import { asText, toHex } from '@mailseal/common'
import {
  type AuthorityContent,
  assertSuccessor,
  readAuthority,
  signAuthority,
  trustedAuthorities,
} from '@mailseal/common/authority'
import { deriveQuorum } from '@mailseal/common/quorum-seed'
import type { Format } from '../format.ts'

/** An authority document that an agent gets, with the one that it holds already, if any. */
export const authority: Format = {
  name: 'authority',
  inputs: ['held'],
  results: ['hash', 'root-fingerprint'],
  makings: ['quorum-seed'],
  async read(given) {
    const document = readAuthority(given.body)
    const held = given.bytesOrNone('held')
    if (held !== null) assertSuccessor(readAuthority(held), document)
    await trustedAuthorities(document)
    return { hash: toHex(document.hash), 'root-fingerprint': document.rootFingerprint }
  },
  async write(given) {
    const { document } = JSON.parse(asText(given.body, 'the document')) as { document: AuthorityContent }
    const { root: _root, format: _format, ...content } = document
    return { body: signAuthority(deriveQuorum(given.hex('quorum-seed')).root, content) }
  },
}
