import { toHex, utf8 } from '@mailseal/common'
import { formatTemporaryKey } from '../../../../packages/common/src/temporary-key.ts'
import type { Draft } from '../format.ts'
import { bytesOf, QUORUM_SEED, temporaryKey } from './world.ts'

const keyOf = (secret: Uint8Array) => formatTemporaryKey(secret)
const another = keyOf(bytesOf('another temporary key').subarray(0, 15))

const ACCEPTED_KEYS: readonly (readonly [name: string, about: string, typed: string])[] = [
  ['written', 'a temporary key as it is written', temporaryKey],
  ['another', 'another one', another],
  ['ones-and-zeros', 'many symbols that people take for letters', keyOf(Uint8Array.of(0, 0x42, ...new Uint8Array(13)))],
  ['all-zero', '120 bits that are all zero', '00000-00000-00000-00000-00000'],
  ['all-one', '120 bits that are all one', keyOf(new Uint8Array(15).fill(0xff))],
  ['first-bit', 'the example of the specification', '10000-00000-00000-00000-0000M'],
  ['small-letters', 'small letters', temporaryKey.toLowerCase()],
  ['without-hyphens', 'no hyphens', temporaryKey.replaceAll('-', '')],
  [
    'blanks',
    'blanks, tabulators and line ends in odd places',
    ` ${temporaryKey.replaceAll('-', '  \t').replace(/^./, '$& ')}\n`,
  ],
  [
    'other-hyphens',
    'hyphens as word processors make them',
    temporaryKey.replace('-', '\u2011').replace('-', '\u2013').replace('-', '\u2014').replace('-', '\u2212'),
  ],
  ['letter-o', 'the letter O for each 0', keyOf(Uint8Array.of(0, 0x42, ...new Uint8Array(13))).replaceAll('0', 'O')],
  [
    'small-letter-o',
    'the small letter o for each 0',
    keyOf(Uint8Array.of(0, 0x42, ...new Uint8Array(13))).replaceAll('0', 'o'),
  ],
  ['letter-i', 'the letter I for each 1', keyOf(Uint8Array.of(0x08, 0x42, ...new Uint8Array(13))).replaceAll('1', 'I')],
  [
    'small-letter-l',
    'the small letter l for each 1',
    keyOf(Uint8Array.of(0x08, 0x42, ...new Uint8Array(13))).replaceAll('1', 'l'),
  ],
]

/** The next symbol of the alphabet in this place. */
function slip(typed: string, at: number): string {
  const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
  const next = alphabet[(alphabet.indexOf(typed[at] ?? '') + 1) % alphabet.length]
  return typed.slice(0, at) + next + typed.slice(at + 1)
}

const REFUSED_KEYS: readonly (readonly [name: string, about: string, typed: string])[] = [
  ['first-symbol-wrong', 'the first symbol is another', slip(temporaryKey, 0)],
  ['middle-symbol-wrong', 'a symbol in the middle is another', slip(temporaryKey, 14)],
  ['check-symbol-wrong', 'the last symbol is another', slip(temporaryKey, temporaryKey.length - 1)],
  ['swapped', 'the first two symbols changed places', temporaryKey.replace(/^(.)(.)/, '$2$1')],
  ['groups-swapped', 'the first two groups changed places', temporaryKey.replace(/^(.{5})-(.{5})/, '$2-$1')],
  ['too-short', 'the last symbol is missing', temporaryKey.slice(0, -1)],
  ['too-long', 'there is a symbol more', `${temporaryKey}0`],
  ['letter-u', 'there is the letter U, which no temporary key has', temporaryKey.replace(/^./, 'U')],
  ['full-width', 'a full-width digit, which is not taken for the digit', `\uFF11${temporaryKey.slice(1)}`],
  ['dot', 'groups are joined by dots', temporaryKey.replaceAll('-', '.')],
  ['empty', 'there is nothing', ''],
]

export const temporaryKeys: readonly Draft[] = [
  ...ACCEPTED_KEYS.map(([name, about, typed]): Draft => ({ name, about, headers: {}, body: utf8(typed) })),
  ...REFUSED_KEYS.map(
    ([name, about, typed]): Draft => ({
      ...{ name, about, headers: {}, body: utf8(typed) },
      expect: 'temporary-key-mistyped',
    }),
  ),
]

/* Counted by another program than ours. */

const MONTHS_18 = [
  '2026-08-31T12:00:00Z 2028-02-29T12:00:00Z',
  '2026-08-30T12:00:00Z 2028-02-29T12:00:00Z',
  '2026-08-29T12:00:00Z 2028-02-29T12:00:00Z',
  '2026-08-28T12:00:00Z 2028-02-28T12:00:00Z',
  '2025-08-31T00:00:00Z 2027-02-28T00:00:00Z',
  '2025-08-29T23:59:59Z 2027-02-28T23:59:59Z',
  '2025-08-28T23:59:59Z 2027-02-28T23:59:59Z',
  '2024-08-31T23:59:59Z 2026-02-28T23:59:59Z',
  '2024-02-29T00:00:00Z 2025-08-29T00:00:00Z',
  '2024-02-28T23:59:59Z 2025-08-28T23:59:59Z',
  '2024-02-29T23:59:59Z 2025-08-29T23:59:59Z',
  '2024-03-01T00:00:00Z 2025-09-01T00:00:00Z',
  '2023-12-31T23:59:59Z 2025-06-30T23:59:59Z',
  '2024-01-01T00:00:00Z 2025-07-01T00:00:00Z',
  '2026-05-31T10:20:30Z 2027-11-30T10:20:30Z',
  '2026-10-31T01:30:00Z 2028-04-30T01:30:00Z',
  '2026-03-29T01:30:00Z 2027-09-29T01:30:00Z',
  '2026-03-29T02:30:00Z 2027-09-29T02:30:00Z',
  '2026-10-25T02:30:00Z 2028-04-25T02:30:00Z',
  '2026-12-31T00:00:00Z 2028-06-30T00:00:00Z',
  '2026-06-30T00:00:00Z 2027-12-30T00:00:00Z',
  '2026-12-30T12:00:00Z 2028-06-30T12:00:00Z',
  '2098-08-31T00:00:00Z 2100-02-28T00:00:00Z',
  '2098-08-29T00:00:00Z 2100-02-28T00:00:00Z',
  '2099-08-31T12:00:00Z 2101-02-28T12:00:00Z',
  '2398-08-31T12:00:00Z 2400-02-29T12:00:00Z',
  '1998-08-31T12:00:00Z 2000-02-29T12:00:00Z',
  '1970-01-01T00:00:00Z 1971-07-01T00:00:00Z',
  '2016-12-31T23:59:59Z 2018-06-30T23:59:59Z',
  '2036-08-07T06:28:16Z 2038-02-07T06:28:16Z',
  '2038-01-19T03:14:07Z 2039-07-19T03:14:07Z',
]

const MONTHS_12 = [
  '2024-02-29T12:00:00Z 2025-02-28T12:00:00Z',
  '2024-02-28T23:59:59Z 2025-02-28T23:59:59Z',
  '2023-02-28T12:00:00Z 2024-02-28T12:00:00Z',
  '2026-08-31T00:00:00Z 2027-08-31T00:00:00Z',
  '2027-12-31T23:59:59Z 2028-12-31T23:59:59Z',
  '2099-02-28T00:00:00Z 2100-02-28T00:00:00Z',
  '2096-02-29T00:00:00Z 2097-02-28T00:00:00Z',
]

const MONTHS_1 = [
  '2026-01-31T00:00:00Z 2026-02-28T00:00:00Z',
  '2026-01-29T00:00:00Z 2026-02-28T00:00:00Z',
  '2026-01-28T23:59:59Z 2026-02-28T23:59:59Z',
  '2028-01-31T00:00:00Z 2028-02-29T00:00:00Z',
  '2028-01-30T00:00:00Z 2028-02-29T00:00:00Z',
  '2026-03-31T12:00:00Z 2026-04-30T12:00:00Z',
  '2026-12-31T23:59:59Z 2027-01-31T23:59:59Z',
  '2026-11-30T00:00:00Z 2026-12-30T00:00:00Z',
  '2100-01-29T00:00:00Z 2100-02-28T00:00:00Z',
  '2000-01-31T12:00:00Z 2000-02-29T12:00:00Z',
  '2026-02-28T12:00:00Z 2026-03-28T12:00:00Z',
]

const table = (months: number, about: string, lines: readonly string[]): Draft => ({
  name: `months-${months}`,
  about,
  headers: { months: String(months) },
  body: utf8(lines.join('\n')),
})

export const dateTables: readonly Draft[] = [
  table(18, 'when a certificate of that date ends; ends of months, leap years, both sides of midnight', MONTHS_18),
  table(12, 'from when on it can be renewed', MONTHS_12),
  table(1, 'one month: every clamp there is', MONTHS_1),
]

export const quorumSeeds: readonly Draft[] = [
  ['organization', "the seed of the other vectors' organization", QUORUM_SEED] as const,
  ['all-zero', '32 bytes that are all zero', new Uint8Array(32)] as const,
  ['all-one', '32 bytes that are all 0xff', new Uint8Array(32).fill(0xff)] as const,
].map(([name, about, seed]) => ({ name, about, headers: {}, body: utf8(toHex(seed)) }))
