import { beforeAll, describe, expect, it } from 'vitest'
import { viewOf } from '../../src/crl/format.ts'
import { parseCrl } from '../../src/crl/parse.ts'
import { concat } from '../../src/encoding.ts'
import { ENTRIES, makeAuthority, makeList, NOW } from './lists.ts'

let list: Uint8Array
beforeAll(async () => {
  list = await makeList(await makeAuthority())
})

const END = 128 + 16 * ENTRIES.length
const at = (index: number): number => 128 + 16 * index

function changed(change: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(list)
  change(viewOf(bytes))
  return bytes
}

function refusal(bytes: Uint8Array): unknown {
  try {
    parseCrl(bytes)
  } catch (thrown) {
    return thrown
  }
  return 'accepted'
}

describe('parseCrl', () => {
  it('reads every field', () => {
    const parsed = parseCrl(list)
    expect(parsed.header).toMatchObject({
      number: NOW,
      thisUpdate: NOW,
      nextUpdate: NOW + 86400,
      count: ENTRIES.length,
    })
    expect(parsed.header.journal).toEqual({ index: 7, head: 'c0'.repeat(32) })
    expect([...parsed.entries]).toEqual(ENTRIES)
    expect([...parsed.entries]).toEqual(ENTRIES)
    expect(concat(parsed.signedBytes, parsed.signature)).toEqual(list)
    expect(parsed.signedBytes.length).toBe(END)
  })

  it('reads a list that lies inside a larger buffer', () => {
    const inside = concat(new Uint8Array(3), list, new Uint8Array(5)).subarray(3, 3 + list.length)
    expect([...parseCrl(inside).entries]).toEqual(ENTRIES)
  })

  it.each<[string, (view: DataView) => void, string]>([
    ['another magic', (v) => v.setUint8(7, 0x4d), 'the revocation list is no revocation list'],
    ['a later version', (v) => v.setUint16(8, 2), 'the revocation list has version 2, and only 1 is known'],
    ['version 0', (v) => v.setUint16(8, 0), 'the revocation list has version 0, and only 1 is known'],
    ['the first reserved byte', (v) => v.setUint8(10, 1), 'the revocation list has reserved bytes that are not zero'],
    ['the second reserved byte', (v) => v.setUint8(11, 1), 'the revocation list has reserved bytes that are not zero'],
    ['padding at its start', (v) => v.setUint8(100, 1), 'the revocation list has reserved bytes that are not zero'],
    ['padding at its end', (v) => v.setUint8(127, 1), 'the revocation list has reserved bytes that are not zero'],
    ['one entry more', (v) => v.setUint32(12, 6), 'the revocation list has no signature packet after its 6 entries'],
    ['one entry less', (v) => v.setUint32(12, 4), 'the revocation list has no signature packet after its 4 entries'],
    ['many entries more', (v) => v.setUint32(12, 1000), 'the revocation list is cut off: it should have 1000 entries'],
    [
      'too many entries',
      (v) => v.setUint32(12, 10_000_001),
      'the revocation list has 10000001 entries, more than 10000000',
    ],
    [
      'a number of 2^53',
      (v) => v.setUint32(16, 2 ** 21),
      'the revocation list has a number, time or journal index that is out of range',
    ],
    [
      'a time of 2^63',
      (v) => v.setUint32(24, 2 ** 31),
      'the revocation list has a number, time or journal index that is out of range',
    ],
    [
      'a next update of 2^53',
      (v) => v.setUint32(32, 2 ** 21),
      'the revocation list has a number, time or journal index that is out of range',
    ],
    [
      'an index of 2^53',
      (v) => v.setUint32(40, 2 ** 21),
      'the revocation list has a number, time or journal index that is out of range',
    ],
    ['a number below its time', (v) => v.setUint32(20, NOW - 1), 'the revocation list has a number below its own time'],
    [
      'a number ahead of its time',
      (v) => v.setUint32(20, NOW + 86401),
      'the revocation list has a number more than 24 hours ahead of its own time',
    ],
    [
      'no time to its next update',
      (v) => v.setUint32(36, NOW),
      'the revocation list has a next update that is not after its own time',
    ],
    [
      'its next update far ahead',
      (v) => v.setUint32(36, NOW + 30 * 86400 + 1),
      'the revocation list has a next update more than 30 days after its own time',
    ],
    ['serial number 0', (v) => v.setUint32(at(0) + 4, 0), 'entry 1 of the revocation list has serial number 0'],
    [
      'a serial number twice',
      (v) => v.setBigUint64(at(2), 0x00000001ffffffffn),
      'entry 3 of the revocation list has the serial number of the one before',
    ],
    [
      'a serial number 0 inside',
      (v) => v.setBigUint64(at(2), 0n),
      'entry 3 of the revocation list has serial number 0',
    ],
    [
      'disorder in the high word',
      (v) => v.setUint32(at(4), 0x7fffffff),
      'entry 5 of the revocation list is out of order',
    ],
    [
      'disorder in the low word',
      (v) => v.setBigUint64(at(4), 0x7fffffff00000000n),
      'entry 5 of the revocation list is out of order',
    ],
    ['an unknown reason', (v) => v.setUint8(at(3) + 14, 5), 'entry 4 of the revocation list has an unknown reason'],
    ['reason 255', (v) => v.setUint8(at(3) + 14, 255), 'entry 4 of the revocation list has an unknown reason'],
    [
      "an entry's last byte",
      (v) => v.setUint8(at(1) + 15, 1),
      'entry 2 of the revocation list has a reserved byte that is not zero',
    ],
    [
      'an expired entry',
      (v) => v.setUint16(at(2) + 12, Math.floor(NOW / 86400) - 1),
      'entry 3 of the revocation list belongs to a certificate that had expired',
    ],
    ['another packet', (v) => v.setUint8(END, 0xc4), 'the revocation list has no signature packet after its 5 entries'],
    [
      'an old packet header',
      (v) => v.setUint8(END, 0x88),
      'the revocation list has no signature packet after its 5 entries',
    ],
    [
      'a partial length',
      (v) => v.setUint8(END + 1, 224),
      'the revocation list has no signature packet after its 5 entries',
    ],
    [
      'a signature that seems longer',
      (v) => v.setUint8(END + 1, v.getUint8(END + 1) + 1),
      'the revocation list is cut off in its signature',
    ],
    [
      'a signature that seems shorter',
      (v) => v.setUint8(END + 1, v.getUint8(END + 1) - 1),
      'the revocation list has something after its signature',
    ],
    [
      'a signature that seems huge',
      (v) => v.setUint8(END + 1, 223),
      'the revocation list has a signature that is too long',
    ],
  ])('refuses %s', (_, change, message) => {
    expect(refusal(changed(change))).toMatchObject({ name: 'MailsealError', code: 'bad-data', message })
  })

  it('accepts what lies just inside the bounds', () => {
    expect(refusal(changed((view) => view.setUint32(20, NOW + 86400)))).toBe('accepted')
    expect(refusal(changed((view) => view.setUint32(36, NOW + 1)))).toBe('accepted')
    expect(refusal(changed((view) => view.setUint32(36, NOW + 30 * 86400)))).toBe('accepted')
    expect(refusal(changed((view) => view.setUint32(40, 2 ** 21 - 1)))).toBe('accepted')
  })

  it('refuses every shorter and any longer file', () => {
    for (let length = 0; length < list.length; length++) {
      expect(refusal(list.subarray(0, length)), `${length} bytes`).toMatchObject({ code: 'bad-data' })
    }
    expect(refusal(list.subarray(0, 127))).toMatchObject({ message: 'the revocation list is shorter than its header' })
    expect(refusal(concat(list, new Uint8Array(1)))).toMatchObject({
      code: 'bad-data',
      message: 'the revocation list has something after its signature',
    })
  })
})
