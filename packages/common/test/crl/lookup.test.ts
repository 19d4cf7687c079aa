import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { encodeCrl } from '../../src/crl/encode.ts'
import { type CrlSource, lookupCrl, readCrlHeader } from '../../src/crl/lookup.ts'
import { parseCrl } from '../../src/crl/parse.ts'
import { concat } from '../../src/encoding.ts'
import { anyEntries, content, ENTRIES, entry, makeAuthority, makeList, RUNS } from './lists.ts'

const ISSUER = 'ab'.repeat(20)
/** Enough of a signature where only the search is looked at. */
const placeSignature = async (): Promise<Uint8Array> => new Uint8Array([0xc2, 1, 4])

interface CountingSource extends CrlSource {
  bytesRead: number
  reads: number
}

function sourceOf(bytes: Uint8Array): CountingSource {
  return {
    size: bytes.length,
    bytesRead: 0,
    reads: 0,
    read(offset, length) {
      this.bytesRead += length
      this.reads++
      return bytes.subarray(offset, offset + length)
    },
  }
}

function neighbor(serial: string, step: bigint): string {
  return (BigInt(`0x${serial}`) + step).toString(16).padStart(16, '0')
}

describe('lookupCrl', () => {
  it('finds every entry and nothing else, as a map would', async () => {
    await fc.assert(
      fc.asyncProperty(anyEntries, anyEntries, async (entries, others) => {
        const bytes = await encodeCrl(content(ISSUER, { entries }), placeSignature)
        const listed = new Map([...parseCrl(bytes).entries].map((item) => [item.serial, item]))
        for (const { serial } of [...entries, ...others]) {
          expect(lookupCrl(sourceOf(bytes), serial)).toEqual(listed.get(serial) ?? null)
        }
      }),
      { numRuns: RUNS },
    )
  })

  it('finds first and last, not their neighbors, at every size about the block', async () => {
    for (let count = 0; count <= 70; count++) {
      const serials = Array.from({ length: count }, (_, i) => (3n * BigInt(i + 1)).toString(16).padStart(16, '0'))
      const entries = serials.map((serial) => entry(serial))
      const source = sourceOf(await encodeCrl(content(ISSUER, { entries }), placeSignature))
      for (const serial of serials) {
        expect(lookupCrl(source, serial)).toEqual(entry(serial))
        expect(lookupCrl(source, neighbor(serial, 1n))).toBeNull()
        expect(lookupCrl(source, neighbor(serial, -1n))).toBeNull()
      }
      expect(lookupCrl(source, 'ffffffffffffffff')).toBeNull()
    }
  })

  it('takes anything but a serial number for a mistake of the caller', async () => {
    const source = sourceOf(await encodeCrl(content(ISSUER), placeSignature))
    for (const serial of ['', '1', '0000000000000000', '00000000000000AA', '00000000000000aa0']) {
      expect(() => lookupCrl(source, serial)).toThrow(TypeError)
    }
  })
})

describe('lookupCrl among a million', () => {
  const COUNT = 1_000_000
  const random = randomBytes(8 * COUNT)
  const serials = Array.from({ length: COUNT }, (_, i) => random.toString('hex', 8 * i, 8 * i + 8))
  let bytes: Uint8Array
  beforeAll(async () => {
    const entries = [...new Set(serials)].map((serial) => entry(serial))
    bytes = await encodeCrl(content(ISSUER, { entries }), placeSignature)
  })

  it('reads less than 1 KiB whatever is looked up', () => {
    const listed = new Set(serials)
    const sample = serials.filter((_, i) => i % 1009 === 0)
    const { entries } = parseCrl(bytes)
    const [first] = entries
    const absent = sample.map((serial) => neighbor(serial, 1n)).filter((serial) => !listed.has(serial))
    for (const serial of [...sample, first?.serial ?? '']) {
      const source = sourceOf(bytes)
      expect(lookupCrl(source, serial)).toEqual(entry(serial))
      expect(source.bytesRead).toBeLessThanOrEqual(643)
    }
    for (const serial of [...absent, '0000000000000001', 'ffffffffffffffff'].filter((item) => !listed.has(item))) {
      const source = sourceOf(bytes)
      expect(lookupCrl(source, serial)).toBeNull()
      expect(source.bytesRead).toBeLessThanOrEqual(643)
      expect(source.reads).toBeLessThanOrEqual(20)
    }
  })
})

describe('a stored list that is damaged', () => {
  let list: Uint8Array
  beforeAll(async () => {
    const entries = Array.from({ length: 200 }, (_, i) => entry(`${(i + 1).toString(16).padStart(4, '0')}000000000000`))
    list = await makeList(await makeAuthority(), { entries })
  })

  function failure(bytes: Uint8Array, serial = '0001000000000000'): unknown {
    try {
      return lookupCrl(sourceOf(bytes), serial)
    } catch (thrown) {
      return thrown
    }
  }

  it('is an error at every shorter length, and with anything behind it', () => {
    for (let length = 0; length < list.length; length++) {
      const cut = list.subarray(0, length)
      expect(failure(cut), `${length} bytes`).toMatchObject({ code: 'bad-data' })
      expect(() => readCrlHeader(sourceOf(cut)), `${length} bytes`).toThrow(
        expect.objectContaining({ code: 'bad-data' }),
      )
    }
    expect(failure(concat(list, new Uint8Array(1)))).toMatchObject({
      code: 'bad-data',
      message: 'the revocation list has something after its signature',
    })
  })

  it('is an error where a page is zero, never "not revoked"', () => {
    for (let index = 0; index < 200; index++) {
      const zeroed = new Uint8Array(list).fill(0, 128 + 16 * index, 128 + 16 * (index + 1))
      const serial = `${(index + 1).toString(16).padStart(4, '0')}000000000000`
      expect(failure(zeroed, serial)).toMatchObject({
        code: 'bad-data',
        message: 'the revocation list is out of order',
      })
    }
  })

  it('is an error where an entry comes that belongs behind one seen before', () => {
    for (let index = 0; index < 100; index++) {
      const raised = new Uint8Array(list).fill(0xff, 128 + 16 * index, 128 + 16 * index + 8)
      const serial = `${(index + 1).toString(16).padStart(4, '0')}000000000000`
      expect(failure(raised, serial)).toMatchObject({
        code: 'bad-data',
        message: 'the revocation list is out of order',
      })
    }
  })

  it('is an error where an entry stands twice in what is read at once', () => {
    for (let index = 1; index < 12; index++) {
      const offset = 128 + 16 * index
      const repeated = new Uint8Array(list).copyWithin(offset, offset - 16, offset)
      const serial = `${(index + 1).toString(16).padStart(4, '0')}000000000000`
      expect(failure(repeated, serial)).toMatchObject({
        code: 'bad-data',
        message: 'the revocation list is out of order',
      })
    }
  })

  it('is an error where the entry that was looked for is garbled', () => {
    for (const offset of [14, 15]) {
      expect(failure(list.with(128 + offset, 9))).toMatchObject({
        code: 'bad-data',
        message: 'the revocation list has a garbled entry',
      })
    }
  })

  it('is an error where the file shrinks while it is read', () => {
    const source = {
      size: list.length,
      read: (offset: number, length: number) => list.subarray(offset, offset + length - 1),
    }
    expect(() => lookupCrl(source, '0001000000000000')).toThrow(
      expect.objectContaining({ code: 'bad-data', message: 'the revocation list is cut off' }),
    )
  })
})

describe('readCrlHeader', () => {
  it('reads the header alone', async () => {
    const list = await makeList(await makeAuthority())
    const source = sourceOf(list)
    expect(readCrlHeader(source)).toEqual(parseCrl(list).header)
    expect(source.bytesRead).toBe(131)
    expect(ENTRIES.length).toBe(readCrlHeader(source).count)
  })
})
