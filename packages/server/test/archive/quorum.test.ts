import { equalBytes, sha256 } from '@mailseal/common'
import { rootFingerprintOf } from '@mailseal/common/authority'
import { deriveQuorum } from '@mailseal/common/quorum-seed'
import { generateSealingKeyPair } from '@mailseal/common/sealed-channel'
import { describe, expect, it } from 'vitest'
import { combineSeed, type HeldShare, splitSeed } from '../../src/archive/quorum.ts'

/** A seed split among so many administrators, with their keys. */
async function splitAmong(required: number, count: number, tag = 7) {
  const seed = new Uint8Array(32).fill(tag)
  const { root, archive } = deriveQuorum(seed)
  const generation = { rootFingerprint: rootFingerprintOf(root.publicKey), number: 1 }
  const names = Array.from({ length: count }, (_, index) => `administrator ${index}`)
  const owners = await Promise.all(names.map(async (name) => ({ name, keyPair: await generateSealingKeyPair() })))
  const administrators = owners.map(({ name, keyPair }) => ({ name, publicKey: keyPair.publicKey }))
  const shares = await splitSeed(seed, { generation, required, administrators })
  const held = shares.map(
    (share, index): HeldShare => ({ ...share, keyPair: (owners[index] as (typeof owners)[0]).keyPair }),
  )
  return { seed, held, expected: { generation, archiveKey: archive.publicKey } }
}

/** Every way to take so many of the items. */
function combinations<T>(items: readonly T[], size: number): T[][] {
  if (size === 0) return [[]]
  return items.flatMap((item, index) => combinations(items.slice(index + 1), size - 1).map((rest) => [item, ...rest]))
}

describe('quorum', () => {
  it.each([
    [1, 1],
    [1, 3],
    [2, 2],
    [2, 3],
    [3, 5],
  ])('combines the seed from any %i of %i shares, in any order, and from more', async (required, count) => {
    const { seed, held, expected } = await splitAmong(required, count)
    for (let size = required; size <= count; size++) {
      for (const some of combinations(held, size)) {
        const { seed: combined, quorum } = await combineSeed(some.reverse(), expected)
        expect(combined).toEqual(seed)
        expect(quorum.archive.publicKey).toEqual(expected.archiveKey)
      }
    }
  })

  it('says how many passwords are missing', async () => {
    const { held, expected } = await splitAmong(3, 5)
    for (const few of [...combinations(held, 1), ...combinations(held, 2)]) {
      await expect(combineSeed(few, expected)).rejects.toMatchObject({
        code: 'password-wrong',
        message: `3 administrators' passwords are needed, ${few.length} given`,
      })
    }
    await expect(combineSeed([], expected)).rejects.toMatchObject({
      code: 'password-wrong',
      message: 'no administrator has given a password',
    })
  })

  it('keeps each share from the others, and hashes it', async () => {
    const { held, expected, seed } = await splitAmong(2, 3)
    const [first, second] = held as [HeldShare, HeldShare, HeldShare]
    await expect(combineSeed([{ ...first, keyPair: second.keyPair }, second], expected)).rejects.toMatchObject({
      code: 'cannot-decrypt',
      message: 'a sealed object cannot be opened',
    })
    expect(held.some(({ shareHash }) => equalBytes(shareHash, sha256(seed)))).toBe(false)
    expect(new Set(held.map(({ shareHash }) => String(shareHash))).size).toBe(3)
  })

  it('refuses the same administrator twice', async () => {
    const { held, expected } = await splitAmong(2, 3)
    const [first] = held as [HeldShare]
    await expect(combineSeed([first, first], expected)).rejects.toMatchObject({
      code: 'cannot-decrypt',
      message: "the administrators' shares can't be combined: two are of the same administrator",
    })
  })

  it('refuses shares of another splitting, threshold, generation or organization', async () => {
    const { held, expected } = await splitAmong(2, 3)
    const [first, second] = held as [HeldShare, HeldShare]
    const [, third] = (await splitAmong(3, 3)).held as [HeldShare, HeldShare]
    await expect(combineSeed([first, third], expected)).rejects.toMatchObject({
      code: 'cannot-decrypt',
      message: "the administrators' shares can't be combined: they are not of one splitting",
    })
    const lowered = held.map((share) => ({ ...share, sealedShare: share.sealedShare.with(0, 1) }))
    await expect(combineSeed([lowered[0] as HeldShare], expected)).rejects.toMatchObject({ code: 'cannot-decrypt' })
    const later = { ...expected, generation: { ...expected.generation, number: 2 } }
    await expect(combineSeed([first, second], later)).rejects.toMatchObject({ code: 'cannot-decrypt' })
    const foreign = await splitAmong(2, 3, 8)
    await expect(combineSeed([first, second], foreign.expected)).rejects.toMatchObject({ code: 'cannot-decrypt' })
  })

  it('refuses shares of two splittings of the same seed, which would give garbage', async () => {
    const [one, other] = [await splitAmong(2, 3), await splitAmong(2, 3)]
    const mixed = [one.held[0], other.held[1]] as [HeldShare, HeldShare]
    await expect(combineSeed(mixed, one.expected)).rejects.toMatchObject({
      code: 'cannot-decrypt',
      message: "the administrators' shares can't be combined: they do not make the organization's seed",
    })
  })

  it('refuses a seed whose archive key is not the known one', async () => {
    const { held, expected } = await splitAmong(1, 1)
    const swapped = { ...expected, archiveKey: (await generateSealingKeyPair()).publicKey }
    await expect(combineSeed(held, swapped)).rejects.toMatchObject({
      code: 'cannot-decrypt',
      message: "the administrators' shares can't be combined: they do not make the organization's seed",
    })
  })

  it('refuses a share that is not the one that was given', async () => {
    const { held, expected } = await splitAmong(1, 2)
    const [first, second] = held as [HeldShare, HeldShare]
    const damaged = { ...first, shareHash: sha256(second.shareHash) }
    await expect(combineSeed([damaged], expected)).rejects.toMatchObject({
      code: 'cannot-decrypt',
      message: "the administrators' shares can't be combined: that of administrator 0 is damaged",
    })
  })

  it('splits only where enough administrators are', async () => {
    await expect(splitAmong(3, 2)).rejects.toThrow(new TypeError("a seed can't be split 3 of 2"))
    await expect(splitAmong(0, 2)).rejects.toThrow(new TypeError("a seed can't be split 0 of 2"))
  })
})
