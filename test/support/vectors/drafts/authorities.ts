import { sign } from 'node:crypto'
import { concat, type ErrorCode, toBase64url, toHex, utf8 } from '@mailseal/common'
import { type AuthorityContent, signAuthority } from '@mailseal/common/authority'
import { deriveQuorum } from '@mailseal/common/quorum-seed'
import type { Draft } from '../format.ts'
import {
  type Change,
  type JsonObject,
  otherForms,
  slug,
  sortedBytes,
  sortedJson,
  withEach,
  withoutEach,
} from './changes.ts'
import { authorityBytes, authorityContent, bytesOf, ca, NOW, QUORUM_SEED, quorum } from './world.ts'

const LABEL = utf8('mailseal/1 authority document\n')
const other = deriveQuorum(bytesOf('other quorum seed'))
const held = toBase64url(authorityBytes)

/** Signs whatever there is to sign, with the right root unless told otherwise. */
function signed(document: JsonObject, { root = quorum.root, label = LABEL } = {}): Uint8Array {
  const signature = toBase64url(sign(null, concat(label, sortedBytes(document)), root.privateKey))
  return sortedBytes({ document, signature })
}

const { document } = JSON.parse(new TextDecoder().decode(authorityBytes)) as { document: JsonObject }
const [active, retired] = authorityContent.authorities as [
  (typeof authorityContent.authorities)[0],
  (typeof authorityContent.authorities)[0],
]
const short = toBase64url(bytesOf('short').subarray(0, 31))
const long = toBase64url(concat(bytesOf('long'), Uint8Array.of(1)))

const WRONG_MEMBERS: Change[] = [
  ...withoutEach(document),
  ...withEach(document, {
    format: [['of another version', 'mailseal-authority/2']],
    organization: [
      ['empty', ''],
      ['too long', 'x'.repeat(257)],
      ['a number', 1],
    ],
    domains: [
      ['none', []],
      ['empty', ['']],
      ['too many', Array.from({ length: 65 }, (_, i) => `d${i}.example`)],
      ['not a list', 'example.org'],
    ],
    version: [
      ['zero', 0],
      ['a string', '3'],
      ['a fraction', 1.5],
      ['null', null],
    ],
    issued: [
      ['negative', -1],
      ['too large', 2 ** 53],
    ],
    root: [
      ['too short', short],
      ['too long', long],
      ['padded', `${document.root}=`],
      ['with unused bits', `${'A'.repeat(42)}B`],
    ],
    generation: [['zero', 0]],
    authorities: [
      ['none', []],
      ['too many', Array.from({ length: 33 }, () => active)],
      ['with a fingerprint in capitals', [{ ...active, fingerprint: active.fingerprint.toUpperCase() }, retired]],
      ['with an unknown state', [{ ...active, state: 'trusted' }, retired]],
      ['with a member more', [{ ...active, name: 'CA' }, retired]],
      ['with a certificate that is not base64url', [{ ...active, certificate: '+/==' }, retired]],
    ],
    archiveKey: [['too short', short]],
    enrollmentKey: [['too long', long]],
    administrators: [
      ['without a name', [{ name: '', publicKey: document.archiveKey as string }]],
      ['with a short key', [{ name: 'Carol', publicKey: short }]],
      ['too many', Array.from({ length: 65 }, (_, i) => ({ name: `a${i}`, publicKey: document.archiveKey as string }))],
    ],
    listPolicy: [
      ['with an unknown action', { action: 'ignore', afterHours: 48 }],
      ['without hours', { action: 'warn' }],
    ],
  }),
]

const WRONG_CAS: Change[] = withEach(document, {
  authorities: [
    ['with the fingerprint of another CA', [{ ...active, fingerprint: retired.fingerprint }]],
    ['with a certificate that is damaged', [{ ...active, certificate: toBase64url(ca.certificate.subarray(0, 60)) }]],
  ],
})

interface Bad {
  readonly what: string
  readonly body: Uint8Array
  readonly expect: ErrorCode
  readonly held?: string
}

const bad = ({ what, body, expect, held = 'none' }: Bad): Draft => ({
  name: slug(what),
  about: `refused: ${what}`,
  headers: { held },
  body,
  expect,
})

const next = (changes: Partial<AuthorityContent>) => signAuthority(quorum.root, { ...authorityContent, ...changes })
const whole = JSON.parse(new TextDecoder().decode(authorityBytes)) as JsonObject

export const authorities: readonly Draft[] = [
  {
    name: 'good',
    about: 'two CAs, one of them retired; the first document that an agent sees',
    headers: { held: 'none', 'quorum-seed': toHex(QUORUM_SEED) },
    body: authorityBytes,
  },
  {
    name: 'smallest',
    about: 'one CA, one domain, no administrator',
    headers: { held: 'none', 'quorum-seed': toHex(QUORUM_SEED) },
    body: next({ authorities: [active], domains: ['example.org'], administrators: [], version: 1, issued: 0 }),
  },
  {
    name: 'not-only-ascii',
    about: 'names beyond ASCII stand as they are, in UTF-8',
    headers: { held: 'none', 'quorum-seed': toHex(QUORUM_SEED) },
    body: next({ organization: 'Beispiel & S\u00f6hne \u{1F511}', domains: ['xn--mller-kva.example'] }),
  },
  {
    name: 'the-same',
    about: 'the document that is held already',
    headers: { held, 'quorum-seed': toHex(QUORUM_SEED) },
    body: authorityBytes,
  },
  {
    name: 'newer',
    about: 'a later version than the one held: the second CA is compromised, and refuse is the policy',
    headers: { held, 'quorum-seed': toHex(QUORUM_SEED) },
    body: next({
      version: 5,
      authorities: [active, { ...retired, state: 'compromised' }],
      listPolicy: { action: 'refuse', afterHours: 24 },
    }),
  },
  bad({ what: 'an older version than the one held', body: next({ version: 2 }), held, expect: 'untrusted' }),
  bad({ what: 'another document of the version held', body: next({ issued: NOW }), held, expect: 'untrusted' }),
  bad({
    what: 'another root than the one held',
    body: signAuthority(other.root, { ...authorityContent, version: 9 }),
    held,
    expect: 'untrusted',
  }),
  ...WRONG_MEMBERS.map(([what, changed]) => bad({ what, body: signed(changed), expect: 'bad-data' })),
  ...WRONG_CAS.map(([what, changed]) =>
    bad({ what, body: signed(changed), expect: what.includes('damaged') ? 'bad-data' : 'untrusted' }),
  ),
  ...[...withoutEach(whole), ...withEach(whole, { signature: [['too short', toBase64url(new Uint8Array(63))]] })].map(
    ([what, changed]) => bad({ what: `signed ${what}`, body: sortedBytes(changed), expect: 'bad-data' }),
  ),
  bad({ what: 'signed by another root', body: signed(document, { root: other.root }), expect: 'untrusted' }),
  bad({ what: 'signed without the label', body: signed(document, { label: utf8('') }), expect: 'untrusted' }),
  bad({
    what: 'signed before it was changed',
    body: sortedBytes({ ...whole, document: { ...document, organization: 'Another Organization' } }),
    expect: 'untrusted',
  }),
  bad({
    what: 'a signature of zeros',
    body: sortedBytes({ ...whole, signature: toBase64url(new Uint8Array(64)) }),
    expect: 'untrusted',
  }),
  ...otherForms(sortedJson(whole)).map(([what, body]) => bad({ what, body, expect: 'bad-data' })),
]
