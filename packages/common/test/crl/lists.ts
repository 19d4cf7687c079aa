import fc from 'fast-check'
import {
  makeAuthorityKey,
  readAuthorityKey,
  readPrimarySecret,
  signForPurpose,
  verifyForPurpose,
} from '../../src/certificate/index.ts'
import type { VerifyCrl } from '../../src/crl/check.ts'
import { type CrlContent, encodeCrl, type SignCrl } from '../../src/crl/encode.ts'
import { type CrlEntry, dayOf, REVOCATION_REASONS, viewOf } from '../../src/crl/format.ts'
import { parseCrl } from '../../src/crl/parse.ts'
import { concat } from '../../src/encoding.ts'

export const NOW = 1_790_000_000
export const TODAY = dayOf(NOW)
/** Few runs by default, many on demand. */
export const RUNS = process.env.SLOW === '1' ? 2000 : 100

/** Where the lower half of thisUpdate stands; the upper is 0. */
const THIS_UPDATE_LOW = 28

/** A real CA and what the two sides of a list need of it. */
export interface TestAuthority {
  readonly fingerprint: string
  readonly sign: SignCrl
  readonly verify: VerifyCrl
}

export async function makeAuthority(): Promise<TestAuthority> {
  const authority = await makeAuthorityKey('Example Organization CA', NOW)
  const secret = await readPrimarySecret(authority.secretKey)
  const key = await readAuthorityKey(authority.certificate)
  const purpose = 'revocation-list'
  return {
    fingerprint: authority.fingerprint,
    sign: (bytes) =>
      signForPurpose(secret, { purpose, domain: 'example.org', bytes, at: viewOf(bytes).getUint32(THIS_UPDATE_LOW) }),
    verify: async (bytes, signature, issuer, thisUpdate) => {
      if (issuer !== authority.fingerprint) return false
      return (await verifyForPurpose(key, { purpose, domains: ['example.org'], bytes, signature })) === thisUpdate
    },
  }
}

export function entry(serial: string, changes: Partial<CrlEntry> = {}): CrlEntry {
  return { serial, revokedAt: NOW - 1000, expiryDay: TODAY + 100, reason: 'left', ...changes }
}

export const ENTRIES = [
  entry('0000000000000001', { reason: 'replaced', revokedAt: 0 }),
  entry('00000001ffffffff', { reason: 'unspecified' }),
  entry('7fffffff80000000', { expiryDay: TODAY, reason: 'superseded' }),
  entry('8000000000000000', { expiryDay: 0xffff, reason: 'compromised' }),
  entry('ffffffffffffffff', { revokedAt: 0xffffffff }),
]

export function content(issuer: string, changes: Partial<CrlContent> = {}): CrlContent {
  return {
    number: NOW,
    thisUpdate: NOW,
    nextUpdate: NOW + 86400,
    journal: { index: 7, head: 'c0'.repeat(32) },
    issuer,
    entries: ENTRIES,
    ...changes,
  }
}

/** A signed list of {@link ENTRIES} or other content. */
export function makeList(authority: TestAuthority, changes: Partial<CrlContent> = {}): Promise<Uint8Array> {
  return encodeCrl(content(authority.fingerprint, changes), authority.sign)
}

/** A list as only a faulty server would sign it: changed by hand before the CA signs. */
export async function signChanged(
  list: Uint8Array,
  sign: SignCrl,
  change: (view: DataView) => void,
): Promise<Uint8Array> {
  const body = new Uint8Array(parseCrl(list).signedBytes)
  change(viewOf(body))
  return concat(body, await sign(body))
}

const serial = fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }).map((value) => value.toString(16).padStart(16, '0'))

/** Any entries without a serial number twice, in any order; some of certificates that have expired. */
export const anyEntries: fc.Arbitrary<CrlEntry[]> = fc.uniqueArray(
  fc.record({
    serial,
    revokedAt: fc.integer({ min: 0, max: 0xffffffff }),
    expiryDay: fc.integer({ min: TODAY - 2, max: TODAY + 4 }),
    reason: fc.constantFrom(...REVOCATION_REASONS),
  }),
  { selector: (item) => item.serial, maxLength: 60 },
)
