import { concat, type ErrorCode, toBase64url, utf8 } from '@mailseal/common'
import { parseCertificate } from '@mailseal/common/certificate'
import * as openpgp from 'openpgp'
import { validToOf } from '../../../../packages/common/src/certificate/dates.ts'
import { makeSignature, SIGNATURE, writePackets } from '../../../../packages/common/src/certificate/packets.ts'
import type { Draft } from '../format.ts'
import { withRandomness } from '../randomness.ts'
import { bitChanges, slug } from './changes.ts'
import {
  binding,
  bound,
  type FivePackets,
  issuerOf,
  more,
  noteOf,
  overSubkey,
  overUserId,
  primary,
  put,
  self,
  selfSignature,
  subkey,
  u32,
  uncritical,
  userId,
  withBinding,
  without,
  withSelf,
} from './hand-made.ts'
import { contentOf, type HandMade, packet, packetsOf, SUBPACKET, signByHand, signedKey } from './packets.ts'
import { ALICE, alice, aliceSecret, certified, makeUser, mallory, mallorySecret, NOW, randomnessOf } from './world.ts'

const malloryFive = packetsOf(mallory.certificate) as FivePackets

/** By hand, and the same bytes: whatever is refused below is refused for what was changed. */
if (
  !Buffer.from(await withSelf(self)).equals(alice.certificate) ||
  !Buffer.from(await withBinding(bound)).equals(alice.certificate)
) {
  throw new Error('packets made by hand are not those of our maker')
}

const badCertificate = (what: string, body: Uint8Array, user = ALICE, expect: ErrorCode = 'bad-data'): Draft => ({
  name: slug(what),
  about: `refused: ${what}`,
  headers: { 'user-id': user },
  body,
  expect,
})

const WRONG_SELF: readonly (readonly [what: string, made: HandMade])[] = [
  ['a self-signature with its subpackets in another order', { ...self, hashed: self.hashed.toReversed() }],
  ['a self-signature that expires another day', put(self, SUBPACKET.keyExpires, u32(validToOf(NOW) - NOW + 86_400))],
  ['a self-signature without expiry', without(self, SUBPACKET.keyExpires)],
  ['a self-signature for certifying alone', put(self, SUBPACKET.flags, Uint8Array.of(0x01))],
  ['a self-signature with other features', put(self, SUBPACKET.features, Uint8Array.of(0x09))],
  ['a self-signature of another time', put(self, SUBPACKET.created, u32(NOW + 1))],
  ['a self-signature whose time is not critical', uncritical(self, SUBPACKET.created)],
  ['a self-signature with a notation more', more(self, noteOf('salt@notations.openpgpjs.org', 'salt', 0x00))],
  ['a self-signature with an unhashed area', { ...self, unhashed: [issuerOf(self)] }],
  ['a self-signature with SHA-256', { ...self, hash: openpgp.enums.hash.sha256 }],
  ['a self-signature of another type', { ...self, type: SIGNATURE.certGeneric }],
]
const WRONG_BINDING: readonly (readonly [what: string, made: HandMade])[] = [
  ['a binding with its subpackets in another order', { ...bound, hashed: bound.hashed.toReversed() }],
  ['a binding that expires another day', put(bound, SUBPACKET.keyExpires, u32(validToOf(NOW) - NOW - 1))],
  ['a binding for signing', put(bound, SUBPACKET.flags, Uint8Array.of(0x02))],
  ['a binding of another time', put(bound, SUBPACKET.created, u32(NOW - 1))],
  ['a binding with an unhashed area', { ...bound, unhashed: [issuerOf(bound)] }],
]

const later = packetsOf((await makeUser('alice', ALICE, NOW + 1)).certificate) as FivePackets
const otherBinding = await signByHand(aliceSecret, concat(signedKey(primary), signedKey(later[3])), bound)

async function generated(options: Pick<openpgp.KeyOptions, 'type' | 'curve' | 'config'>): Promise<Uint8Array> {
  const userIDs = { name: 'Alice Example', email: 'alice@example.org' }
  const date = new Date(NOW * 1000)
  const { publicKey } = await withRandomness(randomnessOf('generated'), () =>
    openpgp.generateKey({ ...options, userIDs, date, format: 'binary' }),
  )
  return publicKey
}

/** The same packet with a five-octet length where one octet would do. */
const longer = (bytes: Uint8Array) =>
  concat(bytes.subarray(0, 1), Uint8Array.of(0xff, 0, 0, 0, contentOf(bytes).length), contentOf(bytes))
const oldHeader = (bytes: Uint8Array) =>
  concat(
    Uint8Array.of(0x80 | (((bytes[0] as number) & 0x3f) << 2)),
    Uint8Array.of(contentOf(bytes).length),
    contentOf(bytes),
  )

const good = async (name: string, about: string, user: string, validFrom: number): Promise<Draft> => {
  const key = await makeUser(name, user, validFrom)
  const headers = {
    'user-id': user,
    'valid-from': String(validFrom),
    randomness: randomnessOf(name),
    'secret-key': toBase64url(key.secretKey),
    'secret-subkey': toBase64url(key.secretSubkey),
  }
  return { name, about, headers, body: key.certificate }
}

export const certificates: readonly Draft[] = [
  await good('alice', "a user's new certificate, as its key's maker makes it", ALICE, NOW),
  await good('without-a-name', 'a mailbox without a name', '<alice@example.org>', NOW),
  await good('not-only-ascii', 'a name beyond ASCII', 'M\u00fcller, \u00c4nne <aenne@example.org>', NOW),
  await good('leap-day', 'made on 29 February', ALICE, Date.UTC(2028, 1, 29, 23, 59, 59) / 1000),
  badCertificate('another user id', alice.certificate, 'Alice Example <alice@example.net>'),
  badCertificate(
    'the same letters composed in another way',
    (await makeUser('alice', 'Mu\u0308ller <m@example.org>')).certificate,
    'M\u00fcller <m@example.org>',
  ),
  ...(await Promise.all(WRONG_SELF.map(async ([what, made]) => badCertificate(what, await withSelf(made))))),
  ...(await Promise.all(WRONG_BINDING.map(async ([what, made]) => badCertificate(what, await withBinding(made))))),
  badCertificate(
    'a self-signature that another key made in the name of this one',
    concat(primary, userId, await signByHand(mallorySecret, overUserId, self), subkey, binding),
  ),
  badCertificate(
    'a binding that another key made in the name of this one',
    concat(primary, userId, selfSignature, subkey, await signByHand(mallorySecret, overSubkey, bound)),
  ),
  badCertificate('no self-signature', concat(primary, userId, subkey, binding)),
  badCertificate('two self-signatures', concat(primary, userId, selfSignature, selfSignature, subkey, binding)),
  badCertificate('certified already', certified),
  badCertificate('the self-signature of another key', concat(primary, userId, malloryFive[2], subkey, binding)),
  badCertificate(
    'the subkey of another key with its binding',
    concat(primary, userId, selfSignature, malloryFive[3], malloryFive[4]),
  ),
  badCertificate('the binding of another subkey', concat(primary, userId, selfSignature, subkey, malloryFive[4])),
  badCertificate('a subkey made at another time', concat(primary, userId, selfSignature, later[3], otherBinding)),
  badCertificate('no subkey', concat(primary, userId, selfSignature)),
  badCertificate('no binding', concat(primary, userId, selfSignature, subkey)),
  badCertificate('two subkeys', concat(alice.certificate, subkey, binding)),
  badCertificate('two user ids', concat(primary, userId, selfSignature, userId, selfSignature, subkey, binding)),
  badCertificate(
    'a user attribute',
    concat(primary, userId, selfSignature, packet(17, Uint8Array.of(2, 1, 0)), subkey, binding),
  ),
  badCertificate('a marker packet', concat(packet(10, utf8('PGP')), alice.certificate)),
  badCertificate('a padding packet', concat(alice.certificate, packet(21, new Uint8Array(8)))),
  badCertificate('a private packet', concat(alice.certificate, packet(60, new Uint8Array(3)))),
  badCertificate(
    'a signature on the key itself',
    concat(primary, packetsOf(alice.keyRevocation)[0] as Uint8Array, userId, selfSignature, subkey, binding),
  ),
  badCertificate('a length in five octets', concat(longer(primary), userId, selfSignature, subkey, binding)),
  badCertificate(
    'a packet header in the old format',
    concat(primary, oldHeader(userId), selfSignature, subkey, binding),
  ),
  badCertificate('a byte more', concat(alice.certificate, Uint8Array.of(0))),
  badCertificate('cut off', alice.certificate.subarray(0, -1)),
  badCertificate('two certificates', concat(alice.certificate, mallory.certificate)),
  badCertificate('the secret key', alice.secretKey),
  badCertificate('armored', utf8(openpgp.armor(openpgp.enums.armor.publicKey, alice.certificate))),
  badCertificate('nothing', new Uint8Array()),
  badCertificate(
    'made by OpenPGP.js itself with the same algorithms',
    await generated({ type: 'ecc', curve: 'curve25519Legacy' }),
  ),
  badCertificate('the new algorithm ids', await generated({ type: 'curve25519' })),
  badCertificate('version 6', await generated({ type: 'curve25519', config: { v6Keys: true } })),
]

const revocationHeaders = {
  'user-id': ALICE,
  certificate: toBase64url(alice.certificate),
  'subkey-revocation': toBase64url(alice.subkeyRevocation),
}
const reason = openpgp.enums.reasonForRevocation
const revocationOf = async (
  type: openpgp.enums.signature,
  data: 'key' | 'subkey',
  flag: number,
  text = '',
  at = NOW,
) => {
  const { primary: key, subkey: bind } = await parseCertificate(alice.certificate)
  const made = await makeSignature(type, aliceSecret, data === 'key' ? { key } : { key, bind }, at, {
    reasonForRevocationFlag: flag,
    reasonForRevocationString: text,
  })
  return writePackets(made)
}
const keyRevocationOf = (flag: number, text?: string, at?: number) =>
  revocationOf(SIGNATURE.keyRevocation, 'key', flag, text, at)
const subkeyRevocationOf = (flag: number, text?: string, at?: number) =>
  revocationOf(SIGNATURE.subkeyRevocation, 'subkey', flag, text, at)

const badRevocations = (
  what: string,
  keyRevocation: Uint8Array,
  subkeyRevocation: Uint8Array = alice.subkeyRevocation,
): Draft => ({
  name: slug(what),
  about: `refused: ${what}`,
  headers: { ...revocationHeaders, 'subkey-revocation': toBase64url(subkeyRevocation) },
  body: keyRevocation,
  expect: 'bad-data',
})

export const premadeRevocations: readonly Draft[] = [
  {
    name: 'good',
    about: 'a 0x20 with reason 2 and a 0x28 with reason 0, dated as the certificate',
    headers: { ...revocationHeaders, randomness: randomnessOf('alice') },
    body: alice.keyRevocation,
  },
  badRevocations('a key revocation that is soft', await keyRevocationOf(reason.keyRetired)),
  badRevocations('a key revocation without reason', await keyRevocationOf(reason.noReason)),
  badRevocations('a key revocation with words', await keyRevocationOf(reason.keyCompromised, 'stolen')),
  badRevocations('a key revocation of another time', await keyRevocationOf(reason.keyCompromised, '', NOW + 1)),
  badRevocations('a key revocation of another key', mallory.keyRevocation),
  badRevocations(
    'a subkey revocation that is soft',
    alice.keyRevocation,
    await subkeyRevocationOf(reason.keySuperseded),
  ),
  badRevocations(
    'a subkey revocation of another time',
    alice.keyRevocation,
    await subkeyRevocationOf(reason.noReason, '', NOW - 1),
  ),
  badRevocations('a subkey revocation of another key', alice.keyRevocation, mallory.subkeyRevocation),
  badRevocations('the two in the place of each other', alice.subkeyRevocation, alice.keyRevocation),
  badRevocations('two key revocations', concat(alice.keyRevocation, alice.keyRevocation)),
  badRevocations('no key revocation', new Uint8Array()),
  ...bitChanges(alice.keyRevocation, { 'a key revocation with a bit changed': -1 }).map(([what, bytes]) =>
    badRevocations(what, bytes),
  ),
]
