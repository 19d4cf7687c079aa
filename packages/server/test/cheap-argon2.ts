import type { Argon2Parameters } from '../src/password-box.ts'

/** What opens in a millisecond; never for anything but tests. */
export const CHEAP_ARGON2: Argon2Parameters = { memoryKiB: 64, passes: 1, lanes: 1 }
