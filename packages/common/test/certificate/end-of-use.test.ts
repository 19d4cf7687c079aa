import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { writeCertificate } from '../../src/certificate/certificate.ts'
import {
  asRenewedCertificate,
  certify,
  endCertificate,
  evaluateCertificate,
  makeAuthorityKey,
  makeRenewal,
  makeUserKey,
  mergeCertificates,
  parseCertificate,
  readAuthorityKey,
  readPrimarySecret,
  revokeCertification,
  type TrustedAuthority,
  type UserKey,
} from '../../src/certificate/index.ts'
import { addMonths, toHex } from '../../src/index.ts'

const NOW = 1_790_000_000
const LATER = addMonths(NOW, 13)
const DOMAIN = 'example.org'
const DOMAINS = ['example.net', DOMAIN]

let key: UserKey
let other: Uint8Array
let trusted: TrustedAuthority
/** A certificate as enrolled; as renewed; as each of them ended. */
let copies: Uint8Array[]
let ca: Awaited<ReturnType<typeof readPrimarySecret>>

beforeAll(async () => {
  const authority = await makeAuthorityKey('Example <openpgp-ca@example.org>', NOW)
  ca = await readPrimarySecret(authority.secretKey)
  const { fingerprint } = authority
  trusted = { fingerprint, key: await readAuthorityKey(authority.certificate), state: 'active' }
  key = await makeUserKey('Alice <alice@example.org>', NOW)
  const { validFrom, validTo } = key
  const options = { serial: '00000000000000a1', domain: DOMAIN, validFrom, validTo }
  const enrolled = await certify(ca, await parseCertificate(key.certificate), options)
  const parsed = await parseCertificate(enrolled)
  const renewal = await makeRenewal(await readPrimarySecret(key.secretKey), parsed, LATER)
  const checked = await asRenewedCertificate(parsed, renewal, LATER)
  const renewedOptions = { serial: '00000000000000b2', domain: DOMAIN, validFrom: LATER, validTo: checked.validTo }
  const renewed = await certify(ca, checked, renewedOptions)
  other = (await makeUserKey('Alice <alice@example.org>', NOW)).certificate
  copies = [enrolled, renewed, await ended(enrolled, 'replaced'), await ended(renewed, 'compromised')]
})

async function ended(bytes: Uint8Array, reason: string, at = LATER + 10) {
  const certificate = await parseCertificate(bytes)
  return endCertificate(certificate, {
    certificationRevocation: await revokeCertification(ca, certificate, {
      serial: '00000000000000a1',
      domain: DOMAIN,
      reason,
      at,
    }),
    subkeyRevocation: key.subkeyRevocation,
    keyRevocation: reason === 'compromised' ? key.keyRevocation : null,
  })
}

describe('an ended certificate', () => {
  it('says in which way and since when, and keeps its certifications', async () => {
    const [enrolled, , replaced, compromised] = copies as [Uint8Array, Uint8Array, Uint8Array, Uint8Array]
    const evaluate = (bytes: Uint8Array) => evaluateCertificate(bytes, [trusted], DOMAINS)
    const before = await evaluate(enrolled)
    const byCa = (reason: string) => ({ kind: 'certification', at: LATER + 10, reason })
    expect(before.revocations).toEqual([])
    expect((await evaluate(replaced)).revocations).toEqual([byCa('replaced')])
    expect((await evaluate(replaced)).certifications).toEqual(before.certifications)
    const byKey = { kind: 'key', at: NOW, reason: null }
    expect((await evaluate(compromised)).revocations).toEqual([byCa('compromised'), byKey])
    expect((await evaluate(compromised)).certifications).toHaveLength(2)
    const { subkeySignatures } = await parseCertificate(replaced)
    expect(subkeySignatures.at(-1)).toMatchObject({ signatureType: 0x28, reasonForRevocationFlag: 0 })
  })

  it('is not ended by whom its reader does not trust, nor for a reason that another organization gives', async () => {
    const [, , replaced] = copies as [Uint8Array, Uint8Array, Uint8Array]
    const evaluate = async (authorities: TrustedAuthority[], domains: string[]) =>
      (await evaluateCertificate(replaced, authorities, domains)).revocations
    expect(await evaluate([], DOMAINS)).toEqual([])
    expect(await evaluate([{ ...trusted, state: 'compromised' }], DOMAINS)).toEqual([])
    const strangers = { kind: 'certification', at: LATER + 10, reason: null }
    expect(await evaluate([trusted], ['example.com'])).toEqual([strangers])
  })

  it('carries each end once, and both when it ended twice', async () => {
    const [, , replaced] = copies as [Uint8Array, Uint8Array, Uint8Array]
    expect(toHex(await ended(replaced, 'replaced'))).toBe(toHex(replaced))
    const twice = await ended(replaced, 'compromised', LATER + 20)
    const { revocations } = await evaluateCertificate(twice, [trusted], DOMAINS)
    expect(revocations.map(({ at, reason }) => [at, reason])).toEqual([
      [LATER + 10, 'replaced'],
      [LATER + 20, 'compromised'],
      [NOW, null],
    ])
    const { subkeySignatures } = await parseCertificate(twice)
    expect(subkeySignatures.map(({ signatureType }) => signatureType)).toEqual([0x18, 0x28])
  })
})

describe('merged certificates', () => {
  const setOf = async (bytes: Uint8Array) => {
    const { primarySignatures, userIdSignatures, subkeySignatures } = await parseCertificate(bytes)
    const all = [...primarySignatures, ...userIdSignatures, ...subkeySignatures]
    return new Set(all.map((signature) => toHex(signature.write() as Uint8Array)))
  }

  it('hold what each copy holds, once, in whatever order and however often they are merged', async () => {
    const indexes = fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(indexes, async (order) => {
        const chosen = order.map((index) => copies[index] as Uint8Array)
        let merged = chosen[0] as Uint8Array
        for (const copy of chosen) merged = await mergeCertificates(merged, copy)
        const wanted = new Set<string>()
        for (const copy of chosen) for (const signature of await setOf(copy)) wanted.add(signature)
        expect(await setOf(merged)).toEqual(wanted)
        const parsed = await parseCertificate(merged)
        const { primarySignatures, userIdSignatures, subkeySignatures } = parsed
        expect(primarySignatures.length + userIdSignatures.length + subkeySignatures.length).toBe(wanted.size)
        expect(parsed.fingerprint).toBe(key.fingerprint)
      }),
      { numRuns: process.env.SLOW === undefined ? 20 : 500 },
    )
  })

  it('are of one key, one subkey and one User ID', async () => {
    const [enrolled] = copies as [Uint8Array]
    const refused = { code: 'bad-data', message: 'these are not two copies of one certificate' }
    await expect(mergeCertificates(enrolled, other)).rejects.toMatchObject(refused)
    const [own, foreign] = [await parseCertificate(enrolled), await parseCertificate(other)]

    const otherSubkey = writeCertificate({ ...own, subkey: foreign.subkey })
    await expect(mergeCertificates(enrolled, otherSubkey)).rejects.toMatchObject(refused)
    const { userIdPacket } = await parseCertificate((await makeUserKey('Bob <bob@example.org>', NOW)).certificate)
    await expect(mergeCertificates(enrolled, writeCertificate({ ...own, userIdPacket }))).rejects.toMatchObject(refused)
  })
})
