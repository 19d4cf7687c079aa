import { concat, sha256, toBase64url, toHex } from '@mailseal/common'
import { makeAuthorityKey, readPrimarySecret, signForPurpose, signMessage } from '@mailseal/common/certificate'
import { type CrlContent, type CrlEntry, dayOf, encodeCrl } from '@mailseal/common/crl'
import * as openpgp from 'openpgp'
import type { Draft } from '../format.ts'
import { withRandomness } from '../randomness.ts'
import { bitChanges, slug } from './changes.ts'
import { SUBPACKET, signByHand, takeApart } from './packets.ts'
import { bytesOf, ca, caSecret, DOMAIN, DOMAINS, NOW, randomnessOf } from './world.ts'

const TODAY = dayOf(NOW)
const PURPOSE = 'revocation-list'
const HEADER = 128
const ENTRY = 16

const signAt =
  (at: number, purpose: typeof PURPOSE | 'request-report' = PURPOSE, domain: string = DOMAIN) =>
  (bytes: Uint8Array) =>
    signForPurpose(caSecret, { purpose, domain, bytes, at })

const entry = (serial: string, changes: Partial<CrlEntry> = {}): CrlEntry => ({
  ...{ serial, revokedAt: NOW - 1000, expiryDay: TODAY + 100, reason: 'left' },
  ...changes,
})

/** Ends of every field's range, and each reason. */
const FIVE: readonly CrlEntry[] = [
  entry('0000000000000001', { reason: 'replaced', revokedAt: 0 }),
  entry('00000001ffffffff', { reason: 'unspecified' }),
  entry('7fffffff80000000', { expiryDay: TODAY, reason: 'superseded' }),
  entry('8000000000000000', { expiryDay: 0xffff, reason: 'compromised' }),
  entry('ffffffffffffffff', { revokedAt: 0xffffffff }),
]

const base: CrlContent = {
  number: NOW,
  thisUpdate: NOW,
  nextUpdate: NOW + 86_400,
  journal: { index: 7, head: toHex(bytesOf('journal')) },
  issuer: ca.fingerprint,
  entries: FIVE,
}
const list = (changes: Partial<CrlContent> = {}) => {
  const content = { ...base, ...changes }
  return encodeCrl(content, signAt(content.thisUpdate))
}

const many = Array.from({ length: 65 }, (_, i) =>
  entry(toHex(sha256(bytesOf('many'), Uint8Array.of(i)).subarray(0, 8)), { revokedAt: NOW - i, expiryDay: TODAY + i }),
)

const headers = {
  'ca-certificate': toBase64url(ca.certificate),
  domains: DOMAINS.join(','),
  now: String(NOW + 60),
  held: 'none',
}
const good = (name: string, about: string, body: Uint8Array, changes: Partial<typeof headers> = {}): Draft => ({
  name,
  about,
  headers: { ...headers, ...changes, 'ca-secret-key': toBase64url(ca.secretKey) },
  body,
  form: 'base64',
})
const bad = (what: string, body: Uint8Array, changes: Partial<typeof headers> = {}): Draft => ({
  name: slug(what),
  about: `refused: ${what}`,
  headers: { ...headers, ...changes },
  body,
  form: 'base64',
  expect: 'revocation-list-refused',
})

const five = await list()
const bodyOf = (bytes: Uint8Array, count: number) => bytes.slice(0, HEADER + ENTRY * count)
const signatureOf = (bytes: Uint8Array, count: number) => bytes.slice(HEADER + ENTRY * count)

/** A list as only a faulty server would sign it: changed by hand before the CA signs. */
async function faulty(change: (view: DataView) => void, bytes: Uint8Array = five, count = 5): Promise<Uint8Array> {
  const body = bodyOf(bytes, count)
  change(new DataView(body.buffer))
  return concat(body, await signAt(NOW)(body))
}
const faults: readonly (readonly [what: string, change: (view: DataView) => void])[] = [
  ['another magic', (view) => view.setUint8(0, 0x6d)],
  ['version 0', (view) => view.setUint16(8, 0)],
  ['version 2', (view) => view.setUint16(8, 2)],
  ['a reserved byte that is not zero', (view) => view.setUint8(11, 1)],
  ['padding that is not zero', (view) => view.setUint8(127, 1)],
  ['more entries than counted', (view) => view.setUint32(12, 4)],
  ['fewer entries than counted', (view) => view.setUint32(12, 6)],
  ['a count above the limit', (view) => view.setUint32(12, 10_000_001)],
  ['a number below its own time', (view) => view.setBigUint64(16, BigInt(NOW - 1))],
  ['a number more than a day ahead', (view) => view.setBigUint64(16, BigInt(NOW + 86_401))],
  ['a number beyond 2 to the 53', (view) => view.setBigUint64(16, 2n ** 53n)],
  ['a time beyond 2 to the 53', (view) => view.setBigUint64(24, 2n ** 63n)],
  ['a next update at its own time', (view) => view.setBigUint64(32, BigInt(NOW))],
  ['a next update 31 days ahead', (view) => view.setBigUint64(32, BigInt(NOW + 31 * 86_400))],
  ['a journal index beyond 2 to the 53', (view) => view.setBigUint64(40, 2n ** 53n)],
  ['another issuer', (view) => view.setUint8(80, view.getUint8(80) ^ 1)],
  ['serial number zero', (view) => view.setBigUint64(HEADER, 0n)],
  ['a serial number twice', (view) => view.setBigUint64(HEADER + ENTRY, 1n)],
  ['serial numbers out of order', (view) => view.setBigUint64(HEADER + 2 * ENTRY, 2n)],
  ['an expiry day before today', (view) => view.setUint16(HEADER + 12, TODAY - 1)],
  ['an unknown reason', (view) => view.setUint8(HEADER + 14, 5)],
  ['a reserved byte in an entry', (view) => view.setUint8(HEADER + 15, 1)],
  ['an unknown reason in the last entry', (view) => view.setUint8(HEADER + 4 * ENTRY + 14, 255)],
]

const later = NOW + 3600
const successor = (entries: readonly CrlEntry[], changes: Partial<CrlContent> = {}) =>
  list({ number: later, thisUpdate: later, nextUpdate: later + 86_400, entries, ...changes })
const held = toBase64url(five)
const after = { held, now: String(later) }
const without = (index: number) => FIVE.filter((_, i) => i !== index)
const changed = (index: number, changes: Partial<CrlEntry>) =>
  FIVE.map((one, i) => (i === index ? { ...one, ...changes } : one))
const tomorrow = (TODAY + 1) * 86_400
const onTomorrow = { number: tomorrow, thisUpdate: tomorrow, nextUpdate: tomorrow + 86_400 }
const nextDay = { held, now: String(tomorrow) }

const signature = takeApart(signatureOf(five, 5))
const signedBy = async (changes: Partial<typeof signature>) =>
  concat(bodyOf(five, 5), await signByHand(caSecret, bodyOf(five, 5), { ...signature, ...changes }))
if (!Buffer.from(await signedBy({})).equals(five)) throw new Error('a list signed by hand is not that of our maker')

const stranger = await withRandomness(randomnessOf('a stranger'), () =>
  makeAuthorityKey('Example Organization <ca@example.org>', NOW),
)
const strangers = await readPrimarySecret(stranger.secretKey)
const letter = new Uint8Array(
  (await openpgp.unarmor(await signMessage(caSecret, bodyOf(five, 5), NOW))).data as Uint8Array,
)

export const lists: readonly Draft[] = [
  good('empty', 'a list without entries', await list({ entries: [] })),
  good('one', 'a list of one entry', await list({ entries: [entry('07c1a4e2903f5b68')] })),
  good('five', 'every reason, and the ends of every range', five),
  good('many', 'as many entries as are read at once, four times and one', await list({ entries: many })),
  good(
    'second-in-its-second',
    'the second list within one second: its number is ahead of its time',
    await list({ number: NOW + 1 }),
  ),
  good('a-day-ahead', 'a number as far ahead as it may be', await list({ number: NOW + 86_400 })),
  good('thirty-days', 'a next update as far ahead as it may be', await list({ nextUpdate: NOW + 30 * 86_400 })),
  good('five-minutes-ahead', 'a list from a clock that is five minutes ahead', five, { now: String(NOW - 300) }),
  good('five-minutes-late', 'a list that lapsed five minutes ago', five, { now: String(NOW + 86_400 + 300) }),
  {
    name: 'by-the-second-domain',
    about: 'any domain of the organization may name the notation',
    headers: { ...headers, domains: 'example.com,example.org' },
    body: five,
  },
  good('the-same-again', 'the list that is held already', five, { held }),
  good('more-entries', 'an entry more than the one held', await successor([...FIVE, entry('0000000000000002')]), after),
  good(
    'replaced-becomes-compromised',
    'the reason may change from replaced to another',
    await successor(changed(0, { reason: 'compromised' })),
    after,
  ),
  good(
    'earlier-revocation',
    'a time of revocation may become earlier',
    await successor(changed(1, { revokedAt: NOW - 2000 })),
    after,
  ),
  good(
    'expired-entry-left',
    'an entry leaves when its day is over',
    await list({ ...onTomorrow, entries: without(2) }),
    nextDay,
  ),
  good(
    'clock-set-back',
    'a higher number with an earlier time',
    await list({ number: NOW + 1, thisUpdate: NOW - 3600, nextUpdate: NOW + 3600 }),
    { held },
  ),

  ...(await Promise.all(faults.map(async ([what, change]) => bad(what, await faulty(change))))),
  bad('one byte of entries', await faulty((view) => view.setUint32(12, 1), await list({ entries: [] }), 0)),
  bad('shorter than its header', five.subarray(0, 127)),
  bad('nothing', new Uint8Array()),
  bad('without signature', bodyOf(five, 5)),
  bad('cut off in its signature', five.subarray(0, -1)),
  bad('a byte more', concat(five, new Uint8Array(1))),
  bad('two signatures', concat(five, signatureOf(five, 5))),
  bad(
    'a signature packet in the old format',
    concat(bodyOf(five, 5), Uint8Array.of(0x88), signatureOf(five, 5).subarray(1)),
  ),
  bad(
    'a length of the signature in five octets',
    concat(
      bodyOf(five, 5),
      Uint8Array.of(0xc2, 0xff, 0, 0, 0, signatureOf(five, 5).length - 2),
      signatureOf(five, 5).subarray(2),
    ),
  ),
  bad('another packet as signature', concat(bodyOf(five, 5), Uint8Array.of(0xc6), signatureOf(five, 5).subarray(1))),
  ...bitChanges(five, {
    'a bit of the number changed': 23,
    'a bit of the journal head changed': 60,
    'a bit of a time of revocation changed': HEADER + 11,
    'a bit of the signature changed': -1,
  }).map(([what, bytes]) => bad(what, bytes)),

  bad('a CA that is not active', five, { 'ca-certificate': toBase64url(stranger.certificate) }),
  bad(
    'signed by another key',
    concat(
      bodyOf(five, 5),
      await signForPurpose(strangers, { purpose: PURPOSE, domain: DOMAIN, bytes: bodyOf(five, 5), at: NOW }),
    ),
  ),
  bad('signed at another time', concat(bodyOf(five, 5), await signAt(NOW + 1)(bodyOf(five, 5)))),
  bad('signed for another purpose', concat(bodyOf(five, 5), await signAt(NOW, 'request-report')(bodyOf(five, 5)))),
  bad(
    'signed under a domain of another organization',
    concat(bodyOf(five, 5), await signAt(NOW, PURPOSE, 'example.com')(bodyOf(five, 5))),
  ),
  bad('signed as a letter', concat(bodyOf(five, 5), letter)),
  bad(
    'a purpose that is not critical',
    await signedBy({
      hashed: signature.hashed.map((one) =>
        (one.type & 0x7f) === SUBPACKET.notation ? { ...one, type: SUBPACKET.notation } : one,
      ),
    }),
  ),
  bad(
    'two purposes',
    await signedBy({
      hashed: [...signature.hashed, ...signature.hashed.filter((one) => (one.type & 0x7f) === SUBPACKET.notation)],
    }),
  ),
  bad('from the future', five, { now: String(NOW - 301) }),
  bad('lapsed', five, { now: String(NOW + 86_400 + 301) }),

  bad('a lower number than the held one', five, { held: toBase64url(await successor(FIVE)), now: String(later) }),
  bad('another list of the same number', await list({ entries: [...FIVE, entry('0000000000000002')] }), { held }),
  bad('the same list signed once more', await signedBy({ hashed: signature.hashed.toReversed() }), { held }),
  bad('an entry left out', await successor(without(1)), after),
  bad('the first entry left out', await successor(without(0)), after),
  bad('the last entry left out', await successor(without(4)), after),
  bad('all entries left out', await successor([]), after),
  bad('an entry that expires today left out', await successor(without(2)), after),
  bad('a later time of revocation', await successor(changed(1, { revokedAt: NOW - 999 })), after),
  bad('another expiry day', await successor(changed(1, { expiryDay: TODAY + 101 })), after),
  bad('another reason', await successor(changed(1, { reason: 'compromised' })), after),
  bad('a reason that becomes replaced', await successor(changed(4, { reason: 'replaced' })), after),
]
