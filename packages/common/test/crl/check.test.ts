import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { type CheckCrlOptions, checkCrl } from '../../src/crl/check.ts'
import { type CrlEntry, REVOCATION_REASONS } from '../../src/crl/format.ts'
import {
  anyEntries,
  ENTRIES,
  entry,
  makeAuthority,
  makeList,
  NOW,
  RUNS,
  signChanged,
  type TestAuthority,
  TODAY,
} from './lists.ts'

let authority: TestAuthority
let stranger: TestAuthority
let list: Uint8Array
let next: Uint8Array
beforeAll(async () => {
  authority = await makeAuthority()
  stranger = await makeAuthority()
  list = await makeList(authority)
  next = await makeList(authority, { number: NOW + 1 })
})

function check(bytes: Uint8Array, changes: Partial<CheckCrlOptions> = {}): Promise<unknown> {
  const options = { authorities: new Set([authority.fingerprint]), verify: authority.verify, now: NOW, ...changes }
  return checkCrl(bytes, options).then(
    () => 'accepted',
    (thrown: unknown) => thrown,
  )
}

function refusal(message: string): unknown {
  return expect.objectContaining({ name: 'MailsealError', code: 'revocation-list-refused', message })
}

/** What the agent says of the next list with `entries`, where it holds `held`. */
async function checkNext(held: readonly CrlEntry[], entries: readonly CrlEntry[]): Promise<unknown> {
  const heldList = await makeList(authority, { entries: held })
  return check(await makeList(authority, { number: NOW + 1, entries }), { held: heldList })
}

describe('checkCrl on one list', () => {
  it('gives back what it checked', async () => {
    const options = { authorities: new Set([authority.fingerprint]), verify: authority.verify, now: NOW }
    const checked = await checkCrl(list, options)
    expect(checked.header.issuer).toBe(authority.fingerprint)
    expect([...checked.entries]).toEqual(ENTRIES)
  })

  it('refuses a list of a CA that is not active', async () => {
    const message = 'the revocation list is signed by a CA that is not active'
    expect(await check(list, { authorities: new Set([stranger.fingerprint]) })).toEqual(refusal(message))
    expect(await check(list, { authorities: new Set() })).toEqual(refusal(message))
  })

  it("refuses another key's signature under the name of the CA", async () => {
    const forged = await signChanged(list, stranger.sign, () => {})
    expect(await check(forged)).toEqual(refusal('the revocation list has a bad signature'))
  })

  it('refuses a list from the future, beyond the tolerance between clocks', async () => {
    const message = 'the revocation list is from the future, 2026-09-21T14:13:20Z'
    expect(await check(list, { now: NOW - 301 })).toEqual(refusal(message))
    expect(await check(list, { now: NOW - 300 })).toBe('accepted')
  })

  it('refuses a list that lapsed, beyond the tolerance between clocks', async () => {
    const message = 'the revocation list lapsed on 2026-09-22T14:13:20Z'
    expect(await check(list, { now: NOW + 86400 + 301 })).toEqual(refusal(message))
    expect(await check(list, { now: NOW + 86400 + 300 })).toBe('accepted')
  })

  it('refuses what is no canonical list, with the reason', async () => {
    expect(await check(list.subarray(1))).toEqual(refusal('the revocation list is no revocation list'))
    const expired = await signChanged(list, authority.sign, (view) => view.setUint16(128 + 12, TODAY - 1))
    const message = 'entry 1 of the revocation list belongs to a certificate that had expired'
    expect(await check(expired)).toEqual(refusal(message))
    const unsorted = await signChanged(list, authority.sign, (view) => view.setBigUint64(128, 2n ** 64n - 2n))
    expect(await check(unsorted)).toEqual(refusal('entry 2 of the revocation list is out of order'))
    const ahead = await signChanged(list, authority.sign, (view) => view.setUint32(16, 1))
    expect(await check(ahead)).toEqual(
      refusal('the revocation list has a number more than 24 hours ahead of its own time'),
    )
    const reserved = await signChanged(list, authority.sign, (view) => view.setUint8(110, 1))
    expect(await check(reserved)).toEqual(refusal('the revocation list has reserved bytes that are not zero'))
  })

  it('refuses every single bit flipped, and every file cut off', async () => {
    const small = await makeList(authority, { entries: ENTRIES.slice(0, 2) })
    for (let bit = 0; bit < 8 * small.length; bit++) {
      const flipped = small.with(bit >>> 3, (small[bit >>> 3] as number) ^ (1 << (bit & 7)))
      const result = await check(flipped)
      expect(result, `bit ${bit & 7} of byte ${bit >>> 3}`).toMatchObject({ code: 'revocation-list-refused' })
    }
    for (let length = 0; length < small.length; length++) {
      const result = await check(small.subarray(0, length))
      expect(result, `${length} bytes`).toMatchObject({ code: 'revocation-list-refused' })
    }
  })
})

describe('checkCrl against the held list', () => {
  it('takes a later list, and the same one again', async () => {
    expect(await check(next, { held: list })).toBe('accepted')
    expect(await check(list, { held: list })).toBe('accepted')
  })

  it('refuses a lower number', async () => {
    const message = `the revocation list has number ${NOW}, and the held one has ${NOW + 1}`
    expect(await check(list, { held: next })).toEqual(refusal(message))
  })

  it('refuses another list of the same number', async () => {
    const message = 'the revocation list has the number of the held one, but is another'
    const other = await makeList(authority, { entries: [...ENTRIES, entry('00000000000000aa')] })
    expect(await check(other, { held: list })).toEqual(refusal(message))
  })

  it.each(ENTRIES.map((item, index) => [item.serial, index] as const))(
    'refuses a list without %s',
    async (serial, index) => {
      const message = `the revocation list leaves out serial number ${serial}`
      expect(await checkNext(ENTRIES, ENTRIES.toSpliced(index, 1))).toEqual(refusal(message))
      const other = entry(`${serial.slice(0, 15)}5`)
      expect(await checkNext(ENTRIES, ENTRIES.with(index, other))).toEqual(refusal(message))
    },
  )

  it('lets entries go on the day after their certificates expired, and not before', async () => {
    const midnight = (TODAY + 1) * 86400
    const held = await makeList(authority)
    const without = ENTRIES.filter((item) => item.expiryDay > TODAY)
    const at = (time: number) => ({ number: time, thisUpdate: time, nextUpdate: time + 86400, entries: without })
    const early = await makeList(authority, at(midnight - 1))
    const message = 'the revocation list leaves out serial number 7fffffff80000000'
    expect(await check(early, { held, now: midnight - 1 })).toEqual(refusal(message))
    expect(await check(await makeList(authority, at(midnight)), { held, now: midnight })).toBe('accepted')
  })

  it('goes on across a new CA', async () => {
    const options = { authorities: new Set([stranger.fingerprint]), verify: stranger.verify, held: list }
    expect(await check(await makeList(stranger, { number: NOW + 1 }), options)).toBe('accepted')
    const message = 'the revocation list leaves out serial number 0000000000000001'
    const without = await makeList(stranger, { number: NOW + 1, entries: ENTRIES.slice(1) })
    expect(await check(without, options)).toEqual(refusal(message))
  })

  it.each<[string, Partial<CrlEntry>, Partial<CrlEntry>, string]>([
    ['a later time', {}, { revokedAt: NOW - 999 }, 'a later time of revocation'],
    [
      'a later time with a new reason',
      { reason: 'replaced' },
      { revokedAt: NOW - 999, reason: 'left' },
      'a later time of revocation',
    ],
    ['a later expiry day', {}, { expiryDay: TODAY + 101 }, 'another expiry day'],
    ['an earlier expiry day', {}, { expiryDay: TODAY + 99 }, 'another expiry day'],
    [
      'an expiry day with a new reason',
      { reason: 'replaced' },
      { expiryDay: TODAY + 99, reason: 'left' },
      'another expiry day',
    ],
    ['a milder reason', { reason: 'compromised' }, { reason: 'replaced' }, 'another reason'],
    ['another reason', { reason: 'left' }, { reason: 'compromised' }, 'another reason'],
  ])('refuses %s', async (_, before, after, fault) => {
    const serial = '00000000000000aa'
    const message = `the revocation list has ${fault} for serial number ${serial}`
    expect(await checkNext([entry(serial, before)], [entry(serial, after)])).toEqual(refusal(message))
  })

  it('takes an earlier time, and a reason instead of "replaced"', async () => {
    const serial = '00000000000000aa'
    expect(await checkNext([entry(serial)], [entry(serial, { revokedAt: 5 })])).toBe('accepted')
    for (const reason of REVOCATION_REASONS) {
      expect(await checkNext([entry(serial, { reason: 'replaced' })], [entry(serial, { reason })])).toBe('accepted')
    }
  })

  it('names the held list if that one is damaged', async () => {
    const held = list.with(list.length - 1, 0).subarray(0, -1)
    expect(await check(next, { held })).toMatchObject({
      code: 'bad-data',
      message: 'the held revocation list is cut off in its signature',
    })
  })

  it('judges any two lists as the rules say, read one by one', async () => {
    const change = fc.constantFrom('keep', 'drop', 'earlier', 'later', 'reason', 'day')
    await fc.assert(
      fc.asyncProperty(anyEntries, fc.array(change, { maxLength: 8 }), anyEntries, async (held, changes, added) => {
        const serials = new Set(held.map((item) => item.serial))
        const changed = held.flatMap((item, i) => mutate(item, changes[i] ?? 'keep'))
        const entries = [...changed, ...added.filter((item) => !serials.has(item.serial))]
        const result = await checkNext(held, entries)
        if (isAllowed(held, entries)) expect(result).toBe('accepted')
        else expect(result).toMatchObject({ code: 'revocation-list-refused' })
      }),
      { numRuns: RUNS },
    )
  })
})

function mutate(item: CrlEntry, change: string): CrlEntry[] {
  if (change === 'drop') return []
  if (change === 'earlier') return [{ ...item, revokedAt: Math.max(0, item.revokedAt - 1) }]
  if (change === 'later') return [{ ...item, revokedAt: Math.min(0xffffffff, item.revokedAt + 1) }]
  if (change === 'reason') return [{ ...item, reason: item.reason === 'left' ? 'replaced' : 'left' }]
  if (change === 'day') return [{ ...item, expiryDay: item.expiryDay + 1 }]
  return [item]
}

function isAllowed(held: readonly CrlEntry[], entries: readonly CrlEntry[]): boolean {
  const listed = new Map(entries.map((item) => [item.serial, item]))
  return held
    .filter((item) => item.expiryDay >= TODAY)
    .every((item) => {
      const now = listed.get(item.serial)
      if (now === undefined || now.expiryDay !== item.expiryDay || now.revokedAt > item.revokedAt) return false
      return now.reason === item.reason || item.reason === 'replaced'
    })
}
