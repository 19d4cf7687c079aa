import * as openpgp from 'openpgp'
import { describe, expect, it } from 'vitest'
import {
  asEnrollableCertificate,
  assertPremadeRevocations,
  assertSubkeyWorks,
  certify,
  evaluateCertificate,
  makeAuthorityKey,
  makeUserKey,
  parseCertificate,
  readAuthorityKey,
  readPrimarySecret,
  signForPurpose,
  verifyForPurpose,
} from '../../src/certificate/index.ts'
import { makeSignature, SIGNATURE, SUBKEY_FLAGS, writePackets } from '../../src/certificate/packets.ts'
import { utf8 } from '../../src/index.ts'

const NOW = 1_790_000_000
const USER_ID = 'Müller, Alice <alice@example.org>'
const DOMAINS = ['example.org']

async function organization() {
  const authority = await makeAuthorityKey('Example Organization <ca@example.org>', NOW)
  const trusted = {
    fingerprint: authority.fingerprint,
    key: await readAuthorityKey(authority.certificate),
    state: 'active' as const,
  }
  return { authority, trusted, secret: await readPrimarySecret(authority.secretKey) }
}

describe('a certificate of a mailbox', () => {
  it('is made, accepted, certified and evaluated', async () => {
    const { trusted, secret } = await organization()
    const key = await makeUserKey(USER_ID, NOW)
    await assertSubkeyWorks(key)
    const accepted = await asEnrollableCertificate(key.certificate, USER_ID)
    await assertPremadeRevocations(accepted, key)
    const options = { serial: '00000000000000a1', domain: 'example.org', validFrom: NOW, validTo: accepted.validTo }
    const certified = await certify(secret, accepted, options)
    const evaluated = await evaluateCertificate(certified, [trusted], DOMAINS)
    expect(evaluated.certifications).toEqual([
      { serial: '00000000000000a1', authority: trusted.fingerprint, validFrom: NOW, validTo: accepted.validTo },
    ])
    expect(evaluated.address).toBe('alice@example.org')
    expect(evaluated.revocations).toEqual([])
    const compromised = await evaluateCertificate(certified, [{ ...trusted, state: 'compromised' }], DOMAINS)
    expect(compromised.certifications).toEqual([])
    const elsewhere = await evaluateCertificate(certified, [trusted], ['example.net'])
    expect(elsewhere.certifications).toEqual([])
  })

  it('is refused with any byte changed', async () => {
    const key = await makeUserKey(USER_ID, NOW)
    for (let at = 0; at < key.certificate.length; at++) {
      const changed = new Uint8Array(key.certificate)
      changed[at] = (changed[at] as number) ^ 0x01
      await expect(asEnrollableCertificate(changed, USER_ID), `byte ${at}`).rejects.toMatchObject({ code: 'bad-data' })
    }
  })

  it('is refused for another user id', async () => {
    const key = await makeUserKey(USER_ID, NOW)
    await expect(asEnrollableCertificate(key.certificate, 'Bob <bob@example.org>')).rejects.toMatchObject({
      code: 'bad-data',
      message: 'the certificate is not as it has to be: its user id is not the one of the offer',
    })
  })
})

/** A key whose owner signed everything as it has to be, with another point in the subkey. */
async function withPoint(change: (point: Uint8Array) => Uint8Array): Promise<Uint8Array> {
  const key = await makeUserKey(USER_ID, NOW)
  const parsed = await parseCertificate(key.certificate)
  const primary = await readPrimarySecret(key.secretKey)
  const subkey = new openpgp.PublicSubkeyPacket()
  await subkey.read((parsed.subkey as unknown as { write(): Uint8Array }).write())
  const parameters = subkey.publicParams as { Q: Uint8Array }
  parameters.Q = change(parameters.Q)
  await (subkey as unknown as { computeFingerprintAndKeyID(): Promise<void> }).computeFingerprintAndKeyID()
  const binding = await makeSignature(SIGNATURE.subkeyBinding, primary, { key: primary, bind: subkey }, NOW, {
    keyExpirationTime: key.validTo - NOW,
    keyFlags: new Uint8Array([SUBKEY_FLAGS]),
  })
  return writePackets(parsed.primary, parsed.userIdPacket, ...parsed.userIdSignatures, subkey, binding)
}

describe('a subkey to which nothing could be encrypted', () => {
  const native = (...last: number[]) => new Uint8Array([0x40, ...last, ...new Uint8Array(32 - last.length)])

  it('is told from others by its point alone', async () => {
    await expect(asEnrollableCertificate(await withPoint((point) => point), USER_ID)).resolves.toBeDefined()
  })

  it.each<[string, (point: Uint8Array) => Uint8Array]>([
    ['with another prefix', (point) => new Uint8Array([0x41, ...point.subarray(1)])],
    ['cut off', (point) => point.slice(0, 10)],
    ['with bytes behind', (point) => new Uint8Array([...point, 1])],
    ['of order 1', () => native()],
    ['of order 4', () => native(1)],
  ])('is refused: a point %s', async (_, change) => {
    await expect(asEnrollableCertificate(await withPoint(change), USER_ID)).rejects.toMatchObject({
      code: 'bad-data',
      message: 'the certificate is not as it has to be: nothing can be encrypted to its subkey',
    })
  })
})

describe('a signature for a purpose', () => {
  it('counts for that purpose, those bytes and that organization alone', async () => {
    const { trusted, secret } = await organization()
    const bytes = utf8('MSEALCRL...')
    const options = { purpose: 'revocation-list', bytes } as const
    const signature = await signForPurpose(secret, { ...options, domain: 'example.org', at: NOW })
    expect(await verifyForPurpose(trusted.key, { ...options, domains: DOMAINS, signature })).toBe(NOW)
    const others = [
      { ...options, domains: DOMAINS, signature, bytes: utf8('MSEALCRL..!') },
      { ...options, domains: DOMAINS, signature, purpose: 'request-report' as const },
      { ...options, domains: ['example.net'], signature },
      { ...options, domains: DOMAINS, signature: signature.subarray(1) },
    ]
    for (const other of others) expect(await verifyForPurpose(trusted.key, other)).toBeNull()
  })
})
