import { toBase64url } from '@mailseal/common'
import {
  asEnrollableCertificate,
  assertPremadeRevocations,
  assertSubkeyWorks,
  certify,
  evaluateCertificate,
  makeUserKey,
  parseCertificate,
  readAuthorityKey,
  readPrimarySecret,
  type TrustedAuthority,
} from '@mailseal/common/certificate'
import { asJson, type Format, type Given } from '../format.ts'
import { withRandomness } from '../randomness.ts'

const makeAgain = (given: Given) =>
  withRandomness(given.text('randomness'), () => makeUserKey(given.text('user-id'), given.number('valid-from')))

/** A user's new certificate at the KM server, which certifies this one shape alone. */
export const certificate: Format = {
  name: 'certificate',
  inputs: ['user-id'],
  results: ['fingerprint', 'subkey-fingerprint', 'valid-from', 'valid-to'],
  makings: ['randomness', 'secret-key', 'secret-subkey'],
  async read(given) {
    const accepted = await asEnrollableCertificate(given.body, given.text('user-id'))
    return {
      fingerprint: accepted.fingerprint,
      'subkey-fingerprint': accepted.subkeyFingerprint,
      'valid-from': String(accepted.validFrom),
      'valid-to': String(accepted.validTo),
    }
  },
  async write(given) {
    const key = await makeAgain(given)
    await assertSubkeyWorks(key)
    const headers = { 'secret-key': toBase64url(key.secretKey), 'secret-subkey': toBase64url(key.secretSubkey) }
    return { body: key.certificate, headers }
  },
}

/** The two revocations that come with a certificate: the key's in the body, the subkey's in a header. */
export const premadeRevocations: Format = {
  name: 'premade-revocations',
  inputs: ['user-id', 'certificate', 'subkey-revocation'],
  results: ['valid-from'],
  makings: ['randomness'],
  async read(given) {
    const accepted = await asEnrollableCertificate(given.bytes('certificate'), given.text('user-id'))
    const revocations = { keyRevocation: given.body, subkeyRevocation: given.bytes('subkey-revocation') }
    await assertPremadeRevocations(accepted, revocations)
    return { 'valid-from': String(accepted.validFrom) }
  },
  async write(given) {
    const { keyRevocation, subkeyRevocation } = await makeAgain(given)
    return { body: keyRevocation, headers: { 'subkey-revocation': toBase64url(subkeyRevocation) } }
  },
}

interface StatedAuthority {
  readonly certificate: string
  readonly state: TrustedAuthority['state']
}

/** The CAs that a vector names, as an authority document would. */
export function authoritiesOf(given: Given): Promise<TrustedAuthority[]> {
  const stated = given.json<StatedAuthority[]>('authorities')
  return Promise.all(
    stated.map(async ({ certificate, state }) => {
      const key = await readAuthorityKey(new Uint8Array(Buffer.from(certificate, 'base64url')))
      return { fingerprint: key.getFingerprint(), key, state }
    }),
  )
}

/** A certificate of the directory: who certified it and for how long, and who revoked it. */
export const certifiedCertificate: Format = {
  name: 'certified-certificate',
  inputs: ['authorities', 'domains'],
  results: ['fingerprint', 'user-id', 'address', 'certifications', 'revocations'],
  makings: ['ca-secret-key', 'uncertified'],
  async read(given) {
    const evaluated = await evaluateCertificate(given.body, await authoritiesOf(given), given.list('domains'))
    return {
      fingerprint: evaluated.fingerprint,
      'user-id': evaluated.userId,
      address: evaluated.address ?? 'none',
      certifications: asJson(evaluated.certifications),
      revocations: revocationsAsJson(evaluated.revocations),
    }
  },
  async write(given) {
    if (!given.has('ca-secret-key')) return {}
    type Stated = { serial: string; validFrom: number; validTo: number }
    const [certification] = given.json<Stated[]>('certifications')
    const [domain = ''] = given.list('domains')
    if (certification === undefined) throw new Error('there is no certification to make again')
    const authority = await readPrimarySecret(given.bytes('ca-secret-key'))
    const uncertified = await parseCertificate(given.bytes('uncertified'))
    return { body: await certify(authority, uncertified, { ...certification, domain }) }
  },
}

/** Canonical JSON has no null: a reason that is not given is left out. */
export function revocationsAsJson(revocations: readonly { kind: string; at: number; reason: string | null }[]): string {
  return asJson(revocations.map(({ kind, at, reason }) => ({ kind, at, ...(reason === null ? {} : { reason }) })))
}
