/** What opens in a millisecond; never for anything but tests. */
export const CHEAP_ARGON2 = { passes: 1, parallelism: 1, memoryExponent: 3 }
