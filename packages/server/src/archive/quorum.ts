import { canonicalJson, concat, equalBytes, MailsealError, sha256, toHex } from '@mailseal/common'
import { rootFingerprintOf } from '@mailseal/common/authority'
import { deriveQuorum, type Quorum } from '@mailseal/common/quorum-seed'
import { openSealed, type SealingKeyPair, sealTo } from '@mailseal/common/sealed-channel'
import { combine, split } from 'shamir-secret-sharing'

/** `shamir-secret-sharing` numbers shares with one byte; LIMITS.administrators is stricter. */
const MOST_SHARES = 255

/** One generation of the quorum seed. */
export interface Generation {
  /** 64 lower-case hex digits. */
  readonly rootFingerprint: string
  /** From 1. */
  readonly number: number
}

/** What an administrator's row keeps of the seed. */
export interface SealedShare {
  readonly administrator: string
  /** M and N in a byte each, then the share sealed to the administrator's public key. */
  readonly sealedShare: Uint8Array
  /** SHA-256 of the share. */
  readonly shareHash: Uint8Array
}

interface Threshold {
  readonly required: number
  readonly shares: number
}

const infoOf = (generation: Generation, administrator: string, { required, shares }: Threshold) =>
  canonicalJson({
    format: 'mailseal-share/1',
    rootFingerprint: generation.rootFingerprint,
    generation: generation.number,
    administrator,
    required,
    shares,
  })

/**
 * Splits a quorum seed so that any `required` of the administrators can combine it. With one required, each share is
 * the seed itself.
 *
 * @param seed - 32 bytes; the caller erases it.
 * @param options.administrators - One share each.
 */
export async function splitSeed(
  seed: Uint8Array,
  options: {
    readonly generation: Generation
    readonly required: number
    readonly administrators: readonly { readonly name: string; readonly publicKey: Uint8Array }[]
  },
): Promise<SealedShare[]> {
  const { generation, required, administrators } = options
  const threshold: Threshold = { required, shares: administrators.length }
  if (required < 1 || required > administrators.length || administrators.length > MOST_SHARES) {
    throw new TypeError(`a seed can't be split ${required} of ${administrators.length}`)
  }
  const shares = await sharesOf(seed, threshold)
  try {
    return await Promise.all(
      administrators.map(async ({ name, publicKey }, index) => {
        const share = shares[index] as Uint8Array
        const info = infoOf(generation, name, threshold)
        const sealed = await sealTo(publicKey, { kind: 'MSEALSHR', info, plaintext: share })
        const sealedShare = concat(new Uint8Array([required, threshold.shares]), sealed)
        return { administrator: name, sealedShare, shareHash: sha256(share) }
      }),
    )
  } finally {
    for (const share of shares) share.fill(0)
  }
}

/** The library wants two shares at least, and plain arrays, not Buffers. */
async function sharesOf(seed: Uint8Array, { required, shares }: Threshold): Promise<Uint8Array[]> {
  if (required === 1) return Array.from({ length: shares }, () => new Uint8Array(seed))
  return split(new Uint8Array(seed), shares, required)
}

/** A share with the key that opens it: its administrator has given the password. */
export interface HeldShare extends SealedShare {
  readonly keyPair: SealingKeyPair
}

/**
 * Combines the quorum seed. What comes out is the generation's seed or an error, never anything else: too few or mixed
 * shares would give garbage, which is why root and archive key must come out as they are known.
 *
 * @param held - Shares of different administrators; more than required are welcome.
 * @returns The seed, for the caller to erase, and its keys.
 * @throws {@link MailsealError} `password-wrong` if there are too few shares; `cannot-decrypt` if they don't fit.
 */
export async function combineSeed(
  held: readonly HeldShare[],
  expected: { readonly generation: Generation; readonly archiveKey: Uint8Array },
): Promise<{ seed: Uint8Array<ArrayBuffer>; quorum: Quorum }> {
  const { required } = commonThreshold(held)
  if (held.length < required) {
    throw new MailsealError('password-wrong', `${required} administrators' passwords are needed, ${held.length} given`)
  }
  const shares = await Promise.all(held.map((share) => openShare(share, expected.generation)))
  const seed = await combined(shares, required)
  try {
    return { seed, quorum: await assertExpected(seed, expected) }
  } catch (thrown) {
    seed.fill(0)
    throw thrown
  } finally {
    for (const share of shares) share.fill(0)
  }
}

const unfit = (why: string, cause?: unknown) =>
  new MailsealError('cannot-decrypt', `the administrators' shares can't be combined: ${why}`, { cause })

function thresholdOf({ sealedShare: [required = 0, shares = 0] }: SealedShare): Threshold {
  return { required, shares }
}

/** How many shares of one splitting make the seed. */
export function requiredShares(share: SealedShare): number {
  return thresholdOf(share).required
}

function commonThreshold(held: readonly HeldShare[]): Threshold {
  const [first] = held
  if (!first) throw new MailsealError('password-wrong', 'no administrator has given a password')
  const threshold = thresholdOf(first)
  const isSame = ({ required, shares }: Threshold) => required === threshold.required && shares === threshold.shares
  if (threshold.required < 1 || !held.map(thresholdOf).every(isSame)) throw unfit('they are not of one splitting')
  if (new Set(held.map(({ administrator }) => administrator)).size < held.length) {
    throw unfit('two are of the same administrator')
  }
  return threshold
}

async function openShare(share: HeldShare, generation: Generation): Promise<Uint8Array<ArrayBuffer>> {
  const info = infoOf(generation, share.administrator, thresholdOf(share))
  const opened = await openSealed(share.keyPair, { kind: 'MSEALSHR', info, sealed: share.sealedShare.subarray(2) })
  if (!equalBytes(sha256(opened), share.shareHash)) throw unfit(`that of ${share.administrator} is damaged`)
  return opened
}

async function combined(shares: readonly Uint8Array[], required: number): Promise<Uint8Array<ArrayBuffer>> {
  if (required === 1) return new Uint8Array(shares[0] as Uint8Array)
  try {
    return new Uint8Array(await combine(shares.map((share) => new Uint8Array(share))))
  } catch (cause) {
    throw unfit('they do not fit together', cause)
  }
}

async function assertExpected(
  seed: Uint8Array,
  { generation, archiveKey }: { readonly generation: Generation; readonly archiveKey: Uint8Array },
): Promise<Quorum> {
  if (seed.length !== 32) throw unfit('they make no quorum seed')
  const quorum = deriveQuorum(seed)
  const isExpected =
    rootFingerprintOf(quorum.root.publicKey) === generation.rootFingerprint &&
    toHex(quorum.archive.publicKey) === toHex(archiveKey)
  if (!isExpected) throw unfit("they do not make the organization's seed")
  return quorum
}
