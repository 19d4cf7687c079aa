import { readAuthorityKey, readPrimarySecret, signForPurpose, verifyForPurpose } from '@mailseal/common/certificate'
import {
  type CrlContent,
  type CrlEntry,
  type CrlHeader,
  type CrlSource,
  checkCrl,
  encodeCrl,
  lookupCrl,
  readCrlHeader,
  type VerifyCrl,
} from '@mailseal/common/crl'
import { asJson, type Format, type Given } from '../format.ts'

const PURPOSE = 'revocation-list'

/** A revocation list on receipt, with the one that it would replace, if any; and then as a file that is searched. */
export const crl: Format = {
  name: 'crl',
  inputs: ['ca-certificate', 'domains', 'now', 'held'],
  results: ['header', 'entries'],
  makings: ['ca-secret-key'],
  async read(given) {
    const key = await readAuthorityKey(given.bytes('ca-certificate'))
    const domains = given.list('domains')
    const verify: VerifyCrl = async (bytes, signature, _issuer, thisUpdate) =>
      (await verifyForPurpose(key, { purpose: PURPOSE, domains, bytes, signature })) === thisUpdate
    const { header, entries } = await checkCrl(given.body, {
      authorities: new Set([key.getFingerprint()]),
      verify,
      now: given.number('now'),
      held: given.bytesOrNone('held') ?? undefined,
    })
    const listed = [...entries]
    assertFound(given.body, header, listed)
    return { header: asJson(header), entries: asJson(listed) }
  },
  async write(given) {
    const { count: _, ...header } = given.json<CrlHeader>('header')
    const content: CrlContent = { ...header, entries: given.json<CrlEntry[]>('entries').toReversed() }
    return { body: await encodeCrl(content, await signer(given, header.thisUpdate)) }
  },
}

async function signer(given: Given, at: number) {
  const secret = await readPrimarySecret(given.bytes('ca-secret-key'))
  const [domain = ''] = given.list('domains')
  return (bytes: Uint8Array) => signForPurpose(secret, { purpose: PURPOSE, domain, bytes, at })
}

/** Looks up every entry, and a neighbor of each that is none, in a file that is read in pieces. */
function assertFound(bytes: Uint8Array, header: CrlHeader, entries: readonly CrlEntry[]): void {
  const source: CrlSource = {
    size: bytes.length,
    read: (offset, length) => bytes.slice(offset, offset + length),
  }
  assertSame(readCrlHeader(source), header)
  const serials = new Set(entries.map(({ serial }) => serial))
  for (const entry of entries) {
    assertSame(lookupCrl(source, entry.serial), entry)
    const next = ((BigInt(`0x${entry.serial}`) + 1n) % 2n ** 64n).toString(16).padStart(16, '0')
    if (/[^0]/.test(next) && !serials.has(next) && lookupCrl(source, next) !== null)
      throw new Error('found what is not')
  }
}

function assertSame(found: unknown, expected: unknown): void {
  if (asJson(found) !== asJson(expected)) throw new Error('a look-up finds something else')
}
