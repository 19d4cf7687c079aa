import type { CrlHeader } from './format.ts'

/** How current the revocation list is that a verdict rests on; `number` and `age` are null only without a list. */
export interface CrlFreshness {
  /** `stale`: the next list was due before now. */
  readonly state: 'fresh' | 'stale' | 'missing'
  readonly number: number | null
  /** Seconds since the list was made; 0 if its time lies ahead of the clock. */
  readonly age: number | null
}

/** @param now - Unix seconds. */
export function crlFreshness(header: CrlHeader | undefined, now: number): CrlFreshness {
  if (header === undefined) return { state: 'missing', number: null, age: null }
  return {
    state: now > header.nextUpdate ? 'stale' : 'fresh',
    number: header.number,
    age: Math.max(0, now - header.thisUpdate),
  }
}
