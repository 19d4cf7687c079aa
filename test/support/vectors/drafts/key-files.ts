import { concat, type ErrorCode, systemRandom, toBase64url, toHex, utf8 } from '@mailseal/common'
import * as openpgp from 'openpgp'
import { type KeyFileContent, writeKeyFileContent } from '../../../../packages/agent/src/key-file/content.ts'
import { type Argon2Cost, makeLock, sealWithLock } from '../../../../packages/agent/src/key-file/password-message.ts'
import { asJson, type Draft } from '../format.ts'
import { withRandomness } from '../randomness.ts'
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
import {
  alice,
  authority,
  authorityBytes,
  bytesOf,
  certified,
  MAILBOX,
  mallory,
  NOW,
  randomnessOf,
  SERIAL,
  secrets,
} from './world.ts'

const PASSWORD = 'correct horse battery staple'
const own = { fingerprint: alice.fingerprint, serial: SERIAL, secretKey: alice.secretKey }
const old = { fingerprint: mallory.fingerprint, serial: 'e93b00d7c2148fa5', secretKey: mallory.secretKey }

const content: KeyFileContent = {
  mailbox: MAILBOX,
  address: 'alice@example.org',
  server: 'https://mailseal.example.org',
  directoryToken: 'a-token-of-the-directory',
  root: authority.rootFingerprint,
  authority: authorityBytes,
  certificate: certified,
  keys: [own],
  recovered: [],
}
const contentBytes = writeKeyFileContent(content)

/** As cheap as a key file may be, so that opening it costs the tests nothing. */
const CHEAP: Argon2Cost = { passes: 1, parallelism: 1, memoryExponent: 4 }
const USUAL: Argon2Cost = { passes: 3, parallelism: 4, memoryExponent: 16 }

const seal = (name: string, plaintext: Uint8Array, { password = PASSWORD, argon2 = CHEAP } = {}) =>
  withRandomness(randomnessOf(name), async () =>
    sealWithLock(await makeLock(password, systemRandom, argon2), plaintext),
  )

interface Options {
  readonly password?: string
  readonly argon2?: Argon2Cost
}

const good = async (
  name: string,
  about: string,
  plaintext: Uint8Array,
  { password = PASSWORD, argon2 = CHEAP }: Options = {},
): Promise<Draft> => ({
  name,
  about,
  headers: { password, randomness: randomnessOf(name), argon2: asJson(argon2) },
  body: await seal(name, plaintext, { password, argon2 }),
})

const bad = (what: string, body: Uint8Array, expect: ErrorCode = 'bad-data', password = PASSWORD): Draft => ({
  name: slug(what),
  about: `refused: ${what}`,
  headers: { password },
  body,
  expect,
})

const sealed = await seal('key file', contentBytes)
const binary = new Uint8Array((await openpgp.unarmor(new TextDecoder().decode(sealed))).data as Uint8Array)
const armored = (bytes: Uint8Array) =>
  utf8(
    openpgp.armor(openpgp.enums.armor.message, bytes, undefined, undefined, undefined, false, {
      ...openpgp.config,
      showVersion: false,
      showComment: false,
    }),
  )
const LOCK_LENGTH = 87

/** The message with one byte of its binary form set. */
const withByte = (at: number, value: number) => {
  const changed = new Uint8Array(binary)
  changed[at < 0 ? changed.length + at : at] = value
  return armored(changed)
}
const flipped = (at: number) => withByte(at, (binary.at(at) as number) ^ 1)

const message = await openpgp.createMessage({ binary: contentBytes, date: new Date(0) })
const lockedOtherwise = (config: Partial<openpgp.Config>) =>
  withRandomness(randomnessOf('locked otherwise'), async () =>
    utf8(
      await openpgp.encrypt({
        message,
        passwords: [PASSWORD],
        config: { ...openpgp.config, showVersion: false, showComment: false, ...config },
      }),
    ),
  )

export const keyFiles: readonly Draft[] = [
  await good('usual', 'a key file at its usual cost: 64 MiB, 3 passes, 4 lanes', contentBytes, { argon2: USUAL }),
  await good('cheap', 'a key file that costs next to nothing', contentBytes),
  await good(
    'recovered',
    'an old key, and two subkeys from the archive',
    writeKeyFileContent({ ...content, keys: [own, old], recovered: [mallory.secretSubkey, alice.secretSubkey] }),
  ),
  await good('composed', 'a password whose letters are composed', contentBytes, { password: 'pa\u00dfw\u00f6rter' }),
  bad('a wrong password', sealed, 'password-wrong', 'correct horse battery stapler'),
  bad('a password in other letters', sealed, 'password-wrong', PASSWORD.toUpperCase()),
  bad('an empty file', new Uint8Array()),
  bad('no armor', binary),
  bad('other armor', utf8(openpgp.armor(openpgp.enums.armor.privateKey, alice.secretKey))),
  bad('text', utf8('my keys')),
  bad('locked with an iterated hash', await lockedOtherwise({})),
  bad(
    'locked with OCB',
    await lockedOtherwise({
      aeadProtect: true,
      s2kType: openpgp.enums.s2k.argon2,
      preferredAEADAlgorithm: openpgp.enums.aead.ocb,
    }),
  ),
  bad('a password packet of version 5', withByte(2, 5)),
  bad('AES-128', withByte(4, openpgp.enums.symmetric.aes128)),
  bad('more passes than 10', withByte(24, 11)),
  bad('more lanes than 16', withByte(25, 17)),
  bad('more memory than 256 MiB', withByte(26, 19)),
  bad('2 TiB of memory', withByte(26, 31)),
  bad('a changed salt', flipped(8), 'password-wrong'),
  bad('a changed session key', flipped(LOCK_LENGTH - 1), 'password-wrong'),
  bad('a changed content', flipped(-20)),
  bad('a changed tag', flipped(-1)),
  // Behind a header of three bytes.
  bad('another version of encrypted data', withByte(LOCK_LENGTH + 3, 1)),
  bad('cut off in its content', armored(binary.subarray(0, -100))),
  bad('the password packet alone', armored(binary.subarray(0, LOCK_LENGTH))),
  bad('two password packets', armored(concat(binary.subarray(0, LOCK_LENGTH), binary))),
  bad('encrypted data twice', armored(concat(binary, binary.subarray(LOCK_LENGTH)))),
  bad(
    'the content of another version',
    await seal('other version', sortedBytes({ ...parsed(contentBytes), format: 'mailseal-key-file/2' })),
  ),
  bad('content that is no JSON', await seal('no JSON', utf8('secrets'))),
]

function parsed(bytes: Uint8Array): JsonObject {
  return JSON.parse(new TextDecoder().decode(bytes)) as JsonObject
}

/* What is inside. */

const goodContent = (name: string, about: string, changes: Partial<KeyFileContent>): Draft => ({
  name,
  about,
  headers: {},
  body: writeKeyFileContent({ ...content, ...changes }),
})
const badContent = (what: string, body: Uint8Array, expect: ErrorCode = 'bad-data'): Draft => ({
  name: slug(what),
  about: `refused: ${what}`,
  headers: {},
  body,
  expect,
})

const inside = parsed(contentBytes)
const [key] = inside.keys as [JsonObject]
const document = parsed(authorityBytes)
const unsigned = toBase64url(sortedBytes({ ...document, signature: toBase64url(new Uint8Array(64)) }))

const WRONG_CONTENTS: readonly Change[] = [
  ...withoutEach(inside),
  ...withEach(inside, {
    mailbox: [['in capitals', MAILBOX.toUpperCase()]],
    address: [['empty', '']],
    server: [['that is no URL', 'mailseal.example.org']],
    directoryToken: [['empty', '']],
    root: [
      ['too short', '00'],
      ['of another organization', toHex(bytesOf('another root'))],
    ],
    certificate: [
      ['of another key', toBase64url(mallory.certificate)],
      ['that is damaged', toBase64url(certified.subarray(0, -1))],
    ],
    keys: [
      ['none', []],
      ['the same twice', [key, key]],
      ['with another fingerprint than stated', [key, { ...key, fingerprint: mallory.fingerprint }]],
      ['without a serial number', [withoutSerial(key)]],
      ['that are public', [{ ...key, secretKey: toBase64url(alice.certificate) }]],
      ['with the current one last', [{ ...old, secretKey: toBase64url(mallory.secretKey) }, key]],
    ],
    recovered: [['too many', Array.from({ length: 257 }, () => 'AAAA')]],
  }),
]

function withoutSerial({ serial: _, ...rest }: JsonObject): JsonObject {
  return rest
}

export const keyFileContents: readonly Draft[] = [
  goodContent('good', 'one key', {}),
  goodContent('two-keys', 'the current key first, and one from before', { keys: [own, old] }),
  goodContent('recovered', 'subkeys from the archive', { recovered: [mallory.secretSubkey] }),
  ...WRONG_CONTENTS.map(([what, changed]) => badContent(what, sortedBytes(changed))),
  badContent(
    'an authority document whose signature is wrong',
    sortedBytes({ ...inside, authority: unsigned }),
    'untrusted',
  ),
  ...otherForms(sortedJson(inside))
    .filter(([what]) => !what.includes('a number'))
    .map(([what, bytes]) => badContent(what, bytes)),
]

/* An unfinished enrollment. */

const begun: JsonObject = {
  format: 'mailseal-enrollment-pending/1',
  begun: NOW,
  pskId: toBase64url(secrets.pskId),
  server: content.server,
  mailbox: MAILBOX,
  address: content.address,
  userId: 'Alice Example <alice@example.org>',
  authority: toBase64url(authorityBytes),
  fingerprint: alice.fingerprint,
  subkeyFingerprint: alice.subkeyFingerprint,
  validFrom: alice.validFrom,
  validTo: alice.validTo,
  secretKey: toBase64url(alice.secretKey),
  request: toBase64url(utf8('the bytes of the request')),
  replyKey: toBase64url(bytesOf('reply key')),
  replyNonce: toBase64url(bytesOf('reply nonce').subarray(0, 12)),
  historyKey: toBase64url(secrets.historyKey),
}
const { historyKey: _, ...begunBefore } = begun
const pendingOf = async (what: string, object: JsonObject) => bad(what, await seal(what, sortedBytes(object)))

const refusedPending: Draft[] = []
for (const [what, changed] of withoutEach(begun)) {
  if (what !== 'without historyKey') refusedPending.push(await pendingOf(what, changed))
}

export const pendings: readonly Draft[] = [
  await good('good', 'an enrollment that was begun', sortedBytes(begun)),
  await good(
    'without-history-key',
    'one that was begun before temporary keys had a history key',
    sortedBytes(begunBefore),
  ),
  bad('a wrong password', await seal('pending', sortedBytes(begun)), 'password-wrong', 'another password'),
  ...refusedPending,
  await pendingOf('another version', { ...begun, format: 'mailseal-enrollment-pending/2' }),
  await pendingOf('a short reply key', { ...begun, replyKey: toBase64url(new Uint8Array(16)) }),
]
