import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { checkCrl } from '../../src/crl/check.ts'
import { encodeCrl, nextCrlNumber } from '../../src/crl/encode.ts'
import { parseCrl } from '../../src/crl/parse.ts'
import {
  anyEntries,
  content,
  ENTRIES,
  entry,
  makeAuthority,
  makeList,
  NOW,
  RUNS,
  type TestAuthority,
  TODAY,
} from './lists.ts'

let authority: TestAuthority
beforeAll(async () => {
  authority = await makeAuthority()
})

describe('encodeCrl', () => {
  it('lays the bytes out as docs/spec/crl.md says', async () => {
    const list = await makeList(authority, { number: NOW + 1, entries: ENTRIES.slice(0, 2) })
    const head = Buffer.from(list).toString('hex').slice(0, 320)
    expect(head).toBe(
      [
        '4d5345414c43524c',
        '0001',
        '0000',
        '00000002',
        '000000006ab13b81',
        '000000006ab13b80',
        '000000006ab28d00',
        '0000000000000007',
        'c0'.repeat(32),
        authority.fingerprint,
        '00'.repeat(28),
        '0000000000000001',
        '00000000',
        '5151',
        '04',
        '00',
        '00000001ffffffff',
        '6ab13798',
        '5151',
        '00',
        '00',
      ].join(''),
    )
  })

  it('comes back from its bytes, sorted, without the entries of expired certificates and with all others', async () => {
    await fc.assert(
      fc.asyncProperty(anyEntries, async (entries) => {
        const given = content(authority.fingerprint, { entries })
        const parsed = parseCrl(await encodeCrl(given, async () => new Uint8Array([0xc2, 1, 4])))
        const listed = entries.filter((item) => item.expiryDay >= TODAY).sort((a, b) => (a.serial < b.serial ? -1 : 1))
        expect([...parsed.entries]).toEqual(listed)
        const { entries: _, ...fields } = given
        expect(parsed.header).toEqual({ ...fields, count: listed.length })
      }),
      { numRuns: RUNS },
    )
  })

  it('makes the same bytes whatever the order of the entries', async () => {
    expect(await makeList(authority, { entries: ENTRIES.toReversed() })).toEqual(await makeList(authority))
  })

  it('makes lists that the agent accepts, empty ones too', async () => {
    const options = { authorities: new Set([authority.fingerprint]), verify: authority.verify, now: NOW }
    expect((await checkCrl(await makeList(authority), options)).header.count).toBe(ENTRIES.length)
    expect((await checkCrl(await makeList(authority, { entries: [] }), options)).header.count).toBe(0)
  })

  it.each([
    ['a serial number twice', { entries: [...ENTRIES.slice(0, 2), ...ENTRIES.slice(0, 1)] }, 'stands twice'],
    ['the same, in order', { entries: [...ENTRIES.slice(0, 1), ...ENTRIES.slice(0, 1)] }, 'stands twice'],
    ['serial number 0', { entries: [entry('0000000000000000')] }, 'a serial number is never 0'],
    ['upper case', { entries: [entry('000000000000000A')] }, '16 lower-case hex digits'],
    ['a short serial number', { entries: [entry('1')] }, '16 lower-case hex digits'],
    ['a long serial number', { entries: [entry('00000000000000001')] }, '16 lower-case hex digits'],
    [
      'an unknown reason',
      { entries: [entry('0000000000000001', { reason: 'bored' as 'left' })] },
      'one of the five reasons',
    ],
    ['a fraction of a second', { entries: [entry('0000000000000001', { revokedAt: 1.5 })] }, 'Unix seconds in 32 bits'],
    ['a time after 2106', { entries: [entry('0000000000000001', { revokedAt: 2 ** 32 })] }, 'Unix seconds in 32 bits'],
    [
      'a day after 2149',
      { entries: [entry('0000000000000001', { expiryDay: 0x10000 })] },
      'days since 1970 in 16 bits',
    ],
    ['a number below the time', { number: NOW - 1 }, 'a number below its own time'],
    ['a number too far ahead', { number: NOW + 86401 }, 'a number more than 24 hours ahead of its own time'],
    ['no time to the next update', { nextUpdate: NOW }, 'a next update that is not after its own time'],
    ['a next update too far ahead', { nextUpdate: NOW + 30 * 86400 + 1 }, 'more than 30 days after its own time'],
    ['a negative index', { journal: { index: -1, head: '00'.repeat(32) } }, 'out of range'],
    ['a short journal head', { journal: { index: 1, head: '00'.repeat(31) } }, 'the journal head is not 32 bytes'],
    ['an issuer in upper case', { issuer: 'AB'.repeat(20) }, 'the issuer is not 20 bytes in lower-case hex'],
  ])('takes %s for a mistake of the caller', async (_, changes, message) => {
    const making = makeList(authority, changes)
    await expect(making).rejects.toThrow(TypeError)
    await expect(making).rejects.toThrow(message)
  })

  it.each([
    ['armor', new TextEncoder().encode('-----BEGIN PGP SIGNATURE-----')],
    ['two packets', new Uint8Array([0xc2, 1, 4, 0xc2, 1, 4])],
    ['nothing', new Uint8Array()],
    [
      'more than a signature is long',
      new Uint8Array(4097)
        .fill(1)
        .with(0, 0xc2)
        .with(1, 192 + 15)
        .with(2, 4097 - 3 - 192 - 15 * 256),
    ],
  ])('takes a signature of %s for a mistake of the caller', async (_, signature) => {
    const making = encodeCrl(content(authority.fingerprint), async () => signature)
    await expect(making).rejects.toThrow(new TypeError("a revocation list's signature is one binary signature packet"))
  })
})

describe('nextCrlNumber', () => {
  it('is the time, and rises where the time does not', () => {
    expect(nextCrlNumber(undefined, NOW)).toBe(NOW)
    expect(nextCrlNumber(NOW - 10, NOW)).toBe(NOW)
    expect(nextCrlNumber(NOW, NOW)).toBe(NOW + 1)
    expect(nextCrlNumber(NOW + 86399, NOW)).toBe(NOW + 86400)
  })

  it('stops where it would run more than 24 hours ahead of the clock', () => {
    expect(() => nextCrlNumber(NOW + 86400, NOW)).toThrow(
      expect.objectContaining({
        code: 'clock-wrong',
        message: 'the last revocation list is more than 24 hours ahead of the clock',
      }),
    )
  })
})
