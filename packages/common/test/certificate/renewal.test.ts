import type { SignaturePacket } from 'openpgp'
import { describe, expect, it } from 'vitest'
import {
  asRenewedCertificate,
  type Certificate,
  certify,
  evaluateCertificate,
  makeAuthorityKey,
  makeRenewal,
  makeUserKey,
  parseCertificate,
  type Renewal,
  readAuthorityKey,
  readPrimarySecret,
  validToOf,
} from '../../src/certificate/index.ts'
import { makeSignature, readPackets, SIGNATURE, SUBKEY_FLAGS, writePackets } from '../../src/certificate/packets.ts'
import { addMonths, concat } from '../../src/index.ts'

const NOW = 1_790_000_000
const LATER = addMonths(NOW, 13)
const DOMAIN = 'example.org'

async function enrolled(userId = 'Alice <alice@example.org>') {
  const authority = await makeAuthorityKey('Example <openpgp-ca@example.org>', NOW)
  const ca = await readPrimarySecret(authority.secretKey)
  const key = await makeUserKey(userId, NOW)
  const { validFrom, validTo } = key
  const options = { serial: '00000000000000a1', domain: DOMAIN, validFrom, validTo }
  const certified = await certify(ca, await parseCertificate(key.certificate), options)
  const certificate = await parseCertificate(certified)
  const { fingerprint } = authority
  const trusted = { fingerprint, key: await readAuthorityKey(authority.certificate), state: 'active' as const }
  return { ca, trusted, certificate, primary: await readPrimarySecret(key.secretKey) }
}

const bytesOf = (signatures: readonly SignaturePacket[]) => signatures.map((signature) => writePackets(signature))

async function refusal(certificate: Certificate, renewal: Renewal, validFrom = LATER): Promise<string> {
  const error = await asRenewedCertificate(certificate, renewal, validFrom).catch((thrown) => thrown)
  expect(error).toMatchObject({ code: 'bad-data' })
  return error.message.replace('the certificate is not as it has to be: ', '')
}

describe('a renewal', () => {
  it('is 18 months more for the same key, behind all that it had', async () => {
    const { ca, trusted, certificate, primary } = await enrolled()
    const renewed = await asRenewedCertificate(certificate, await makeRenewal(primary, certificate, LATER), LATER)
    expect([renewed.validFrom, renewed.validTo]).toEqual([LATER, validToOf(LATER)])
    const { validFrom, validTo } = renewed
    const bytes = await certify(ca, renewed, { serial: '00000000000000b2', domain: DOMAIN, validFrom, validTo })
    const parsed = await parseCertificate(bytes)
    expect(parsed.fingerprint).toBe(certificate.fingerprint)
    expect(parsed.subkeyFingerprint).toBe(certificate.subkeyFingerprint)
    expect(bytesOf(parsed.userIdSignatures.slice(0, 2))).toEqual(bytesOf(certificate.userIdSignatures))
    expect(bytesOf(parsed.subkeySignatures.slice(0, 1))).toEqual(bytesOf(certificate.subkeySignatures))
    expect([parsed.userIdSignatures.length, parsed.subkeySignatures.length]).toEqual([4, 2])
    const { certifications } = await evaluateCertificate(bytes, [trusted], [DOMAIN])
    expect(certifications.map((one) => [one.serial, one.validFrom, one.validTo])).toEqual([
      ['00000000000000a1', NOW, validToOf(NOW)],
      ['00000000000000b2', LATER, validToOf(LATER)],
    ])
    // It can be renewed again.
    const next = addMonths(LATER, 12)
    const again = await asRenewedCertificate(parsed, await makeRenewal(primary, parsed, next), next)
    expect(again.validTo).toBe(validToOf(next))
  })

  it('is refused with any byte changed', async () => {
    const { certificate, primary } = await enrolled()
    const renewal = await makeRenewal(primary, certificate, LATER)
    for (const member of ['selfSignature', 'binding'] as const) {
      for (let at = 0; at < renewal[member].length; at++) {
        const changed = new Uint8Array(renewal[member])
        changed[at] = (changed[at] as number) ^ 0x01
        await refusal(certificate, { ...renewal, [member]: changed })
      }
    }
  })

  it('is refused for another date than its request has', async () => {
    const { certificate, primary } = await enrolled()
    const renewal = await makeRenewal(primary, certificate, LATER)
    const message = 'its self-signature says something else than it has to'
    expect(await refusal(certificate, renewal, LATER + 1)).toBe(message)
    expect(await refusal(certificate, renewal, LATER - 1)).toBe(message)
  })

  it("is refused with another key's signatures", async () => {
    const alice = await enrolled()
    const eve = await enrolled()
    const [own, foreign] = [
      await makeRenewal(alice.primary, alice.certificate, LATER),
      await makeRenewal(eve.primary, alice.certificate, LATER),
    ]
    expect(await refusal(alice.certificate, { ...own, selfSignature: foreign.selfSignature })).toMatch(/self-signature/)
    expect(await refusal(alice.certificate, { ...own, binding: foreign.binding })).toMatch(/subkey binding/)
    expect(await refusal(eve.certificate, own)).toMatch(/self-signature/)
  })

  it('is refused if it says or holds more than it has to', async () => {
    const { certificate, primary } = await enrolled()
    const renewal = await makeRenewal(primary, certificate, LATER)
    const { selfSignature, binding } = renewal
    const swapped = { selfSignature: binding, binding: selfSignature }
    expect(await refusal(certificate, swapped)).toBe('its self-signature says something else than it has to')
    const twice = { ...renewal, selfSignature: concat(selfSignature, selfSignature) }
    expect(await refusal(certificate, twice)).toBe('it has not exactly one self-signature')
    const none = { ...renewal, binding: new Uint8Array(0) }
    expect(await refusal(certificate, none)).toBe('the subkey binding is damaged')
    const bind = { key: primary, bind: certificate.subkey }
    const forEver = await makeSignature(SIGNATURE.subkeyBinding, primary, bind, LATER, {
      keyFlags: new Uint8Array([SUBKEY_FLAGS]),
    })
    expect(await refusal(certificate, { ...renewal, binding: writePackets(forEver) })).toBe(
      'its subkey binding says something else than it has to',
    )
    const [packet] = (await readPackets(binding, 'the binding')) as SignaturePacket[]
    if (packet === undefined) throw new TypeError('no binding')
    const unhashed = { type: 28, critical: false, body: new Uint8Array([0x41]) }
    ;(packet.unhashedSubpackets as unknown[]).push(unhashed)
    expect(await refusal(certificate, { ...renewal, binding: writePackets(packet) })).toBe(
      'its subkey binding has an unhashed area',
    )
  })
})
