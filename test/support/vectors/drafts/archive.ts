import { concat, type ErrorCode, toBase64url, toHex, utf8 } from '@mailseal/common'
import { sealArchiveEntry } from '@mailseal/common/archive-entry'
import { sealHistory } from '@mailseal/common/history'
import { sealTo } from '@mailseal/common/sealed-channel'
import type { Draft } from '../format.ts'
import { withRandomness } from '../randomness.ts'
import { bitChanges, slug } from './changes.ts'
import { alice, archived, archiveRandomness, archiveSubject, bytesOf, mallory, quorum, secrets } from './world.ts'

const history = sealHistory(secrets.historyKey, [mallory.secretSubkey, alice.secretSubkey])
/* History. */

const pieces = (...sealed: readonly Uint8Array[]) => utf8(sealed.map(toBase64url).join('\n'))
const [first, second] = history as [Uint8Array, Uint8Array]
const historyHeaders = { 'history-key': toHex(secrets.historyKey) }
const historyOf = (name: string, about: string, body: Uint8Array, headers = historyHeaders): Draft => ({
  name,
  about,
  headers,
  body,
})

export const histories: readonly Draft[] = [
  historyOf('good', 'two subkeys, oldest first', pieces(first, second)),
  historyOf('one', 'one subkey', pieces(first)),
  historyOf(
    'beyond-one-byte',
    '257 pieces: places are counted beyond one byte',
    pieces(
      ...sealHistory(
        secrets.historyKey,
        Array.from({ length: 257 }, (_, i) => Uint8Array.of(1, i >> 8, i & 255)),
      ),
    ),
  ),
  historyOf('swapped', "pieces in each other's place do not open", pieces(second, first)),
  historyOf('first-missing', 'without the first, the second is in another place and does not open', pieces(second)),
  historyOf(
    'first-damaged',
    'a damaged piece costs no more than itself',
    pieces(...bitChanges(first, { 'a bit': 3 }).map(([, bytes]) => bytes), second),
  ),
  historyOf(
    'second-cut-off',
    'a piece that is cut off costs no more than itself',
    pieces(first, second.subarray(0, 10)),
  ),
  historyOf('another-key', 'under another key nothing opens', pieces(first, second), {
    'history-key': toHex(bytesOf('another history key')),
  }),
]

/* Archive entries. */

const { subkeyFingerprint, rootFingerprint, mailbox } = archiveSubject
const archiveHeaders = {
  'archive-private-key': toHex(quorum.archive.privateKey),
  'root-fingerprint': rootFingerprint,
  generation: '1',
  mailbox,
  'subkey-fingerprint': subkeyFingerprint,
}
const badEntry = (
  what: string,
  body: Uint8Array,
  expect: ErrorCode = 'cannot-decrypt',
  changes: Partial<typeof archiveHeaders> = {},
): Draft => ({ name: slug(what), about: `refused: ${what}`, headers: { ...archiveHeaders, ...changes }, body, expect })
const archive = (secret: Uint8Array) =>
  withRandomness(archiveRandomness, () => sealArchiveEntry(quorum.archive.publicKey, archiveSubject, secret))

export const archiveEntries: readonly Draft[] = [
  {
    name: 'good',
    about: 'the encryption subkey of the enrollment request, for the quorum',
    headers: { ...archiveHeaders, randomness: archiveRandomness },
    body: archived,
  },
  {
    name: 'another-subkey',
    about:
      'it opens, and holds another secret than it says: who opens it compares the fingerprints and counts it as damaged',
    headers: { ...archiveHeaders, randomness: archiveRandomness },
    body: await archive(mallory.secretSubkey),
  },
  ...bitChanges(archived, {
    'another kind': 0,
    'another version': 9,
    'another KEM': 11,
    'another KDF': 13,
    'another AEAD': 15,
  }).map(([what, body]) => badEntry(what, body, 'bad-data')),
  ...bitChanges(archived, { 'another encapsulated key': 16, 'another ciphertext': 48, 'another tag': -1 }).map(
    ([what, body]) => badEntry(what, body),
  ),
  badEntry(
    'an encapsulated key that is zero',
    concat(archived.subarray(0, 16), new Uint8Array(32), archived.subarray(48)),
  ),
  badEntry('cut off', archived.subarray(0, 63), 'bad-data'),
  badEntry('a byte more', concat(archived, new Uint8Array(1))),
  badEntry('of another mailbox', archived, 'cannot-decrypt', {
    mailbox: mailbox.replace(/^./, (digit) => (digit === '0' ? '1' : '0')),
  }),
  badEntry('of another subkey', archived, 'cannot-decrypt', { 'subkey-fingerprint': mallory.subkeyFingerprint }),
  badEntry('of another generation', archived, 'cannot-decrypt', { generation: '2' }),
  badEntry('of another root', archived, 'cannot-decrypt', { 'root-fingerprint': toHex(bytesOf('another root')) }),
  badEntry('for another archive', archived, 'cannot-decrypt', {
    'archive-private-key': toHex(bytesOf('another archive')),
  }),
  badEntry(
    'sealed for another purpose',
    await withRandomness(archiveRandomness, () =>
      sealTo(quorum.archive.publicKey, { kind: 'MSEALARC', info: utf8('another'), plaintext: alice.secretSubkey }),
    ),
  ),
  badEntry('a whole key inside', await archive(alice.secretKey), 'bad-data'),
  badEntry('two subkeys inside', await archive(concat(alice.secretSubkey, mallory.secretSubkey)), 'bad-data'),
  badEntry('a public key inside', await archive(alice.certificate), 'bad-data'),
  badEntry('nothing inside', await archive(new Uint8Array()), 'bad-data'),
  badEntry(
    'a subkey whose secret is not that of its public half',
    await archive(mixed(alice.secretSubkey, mallory.secretSubkey)),
    'bad-data',
  ),
]

/** A secret subkey packet with the secret part of another: the last 36 bytes are length, secret and checksum. */
function mixed(one: Uint8Array, another: Uint8Array): Uint8Array {
  return concat(one.subarray(0, -36), another.subarray(-36))
}
