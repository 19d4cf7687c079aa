import { beforeAll, describe, expect, it } from 'vitest'
import {
  asEnrollableCertificate,
  certify,
  makeAuthorityKey,
  makeUserKey,
  readAuthorityKey,
  readPrimarySecret,
  signMessage,
  type TrustedAuthority,
  type UserKey,
} from '../src/certificate/index.ts'
import { binaryDocument, makeSignature, SIGNATURE, writePackets } from '../src/certificate/packets.ts'
import { SPANS, utf8 } from '../src/index.ts'
import { exitCodeOf, type JudgeOptions, judgeSignatures, summarize, UNSIGNED } from '../src/verdict.ts'

const NOW = 1_790_000_000
const LETTER = utf8('Content-Type: text/plain\r\n\r\nHello\r\n')
const SERIAL = '00000000000000a1'
const ALICE = 'alice@example.org'

let authority: TrustedAuthority
let key: UserKey
let certificate: Uint8Array

beforeAll(async () => {
  const made = await makeAuthorityKey('Example Organization <ca@example.org>', NOW)
  authority = { fingerprint: made.fingerprint, key: await readAuthorityKey(made.certificate), state: 'active' }
  key = await makeUserKey(`Alice <${ALICE}>`, NOW)
  const accepted = await asEnrollableCertificate(key.certificate, `Alice <${ALICE}>`)
  const validity = { serial: SERIAL, domain: 'example.org', validFrom: key.validFrom, validTo: key.validTo }
  certificate = await certify(await readPrimarySecret(made.secretKey), accepted, validity)
})

async function signAt(at: number, bytes = LETTER): Promise<Uint8Array> {
  return utf8(await signMessage(await readPrimarySecret(key.secretKey), bytes, at))
}

/** As `gpg --default-sig-expire` makes it. */
async function signForAWhile(life: number): Promise<Uint8Array> {
  const signer = await readPrimarySecret(key.secretKey)
  const fields = { signatureExpirationTime: life }
  return writePackets(await makeSignature(SIGNATURE.binary, signer, binaryDocument(LETTER), NOW, fields))
}

async function judge(change: Partial<JudgeOptions>) {
  return judgeSignatures({
    signature: await signAt(NOW),
    signedBytes: LETTER,
    from: ALICE,
    now: NOW,
    findCertificate: async () => certificate,
    authorities: [authority],
    domains: ['example.org'],
    list: { state: 'fresh', number: 1, age: 0 },
    listPolicy: { action: 'warn', afterHours: 24 },
    lookup: () => null,
    ...change,
  })
}

function listed(reason: 'compromised' | 'replaced', revokedAt: number) {
  return (serial: string) => (serial === SERIAL ? { serial, revokedAt, expiryDay: 30_000, reason } : null)
}

describe('the verdict on a signature', () => {
  it('is good for a certified key, its own address and a list at hand', async () => {
    const verdict = await judge({})
    expect(verdict).toEqual({
      status: 'good',
      signer: `Alice <${ALICE}>`,
      address: ALICE,
      serial: SERIAL,
      fingerprint: key.fingerprint,
      signedAt: NOW,
      reason: null,
      revokedAt: null,
    })
    expect(exitCodeOf(verdict)).toBe(0)
    expect(summarize(false, verdict)).toBe('verified')
  })

  it.each<[string, () => Partial<JudgeOptions> | Promise<Partial<JudgeOptions>>, string, string | null, number]>([
    ['other bytes', () => ({ signedBytes: utf8('Hello!') }), 'bad', 'altered', 3],
    ['garbage for a signature', () => ({ signature: utf8('-----BEGIN PGP SIGNATURE-----\n') }), 'bad', 'unreadable', 3],
    ['no certificate', () => ({ findCertificate: async () => null }), 'unknown', 'no-certificate', 3],
    [
      'another certificate',
      async () => {
        const other = await makeUserKey(`Alice <${ALICE}>`, NOW)
        return { findCertificate: async () => other.certificate }
      },
      'unknown',
      'no-certificate',
      3,
    ],
    ['no certification', () => ({ findCertificate: async () => key.certificate }), 'uncertified', null, 102],
    ['a compromised CA', () => ({ authorities: [{ ...authority, state: 'compromised' }] }), 'uncertified', null, 102],
    ['another From', () => ({ from: 'bob@example.org' }), 'mismatch', null, 102],
    ['no single From', () => ({ from: null }), 'mismatch', null, 102],
    ['a revoked serial number', () => ({ lookup: listed('compromised', NOW + 60) }), 'revoked', 'compromised', 100],
    ['replaced before', () => ({ lookup: listed('replaced', NOW - 1) }), 'revoked', 'replaced', 100],
    ['replaced in that second', () => ({ lookup: listed('replaced', NOW) }), 'good', null, 0],
    [
      'no list',
      () => ({ list: { state: 'missing', number: null, age: null } }),
      'unknown',
      'revocation-list-missing',
      103,
    ],
    [
      'a stale list, to be refused',
      () => ({
        list: { state: 'stale', number: 1, age: 90_000 },
        listPolicy: { action: 'refuse', afterHours: 24 },
      }),
      'unknown',
      'revocation-list-stale',
      103,
    ],
    ['a stale list, to be put up with', () => ({ list: { state: 'stale', number: 1, age: 90_000 } }), 'good', null, 0],
    ['a clock a little ahead', async () => ({ signature: await signAt(NOW + SPANS.clockTolerance) }), 'good', null, 0],
    [
      'the future',
      async () => ({ signature: await signAt(NOW + SPANS.clockTolerance + 1) }),
      'bad',
      'from-the-future',
      3,
    ],
    ['a time before the key', async () => ({ signature: await signAt(NOW - 1) }), 'bad', 'before-the-key', 3],
    [
      'a signature whose own life is over',
      async () => ({ signature: await signForAWhile(60), now: NOW + 60 }),
      'expired',
      'signature-expired',
      101,
    ],
    ['a signature whose own life goes on', async () => ({ signature: await signForAWhile(60) }), 'good', null, 0],
    [
      'a revoked key and a signature whose own life is over',
      async () => ({
        signature: await signForAWhile(60),
        now: NOW + 60,
        lookup: listed('compromised', NOW),
      }),
      'revoked',
      'compromised',
      100,
    ],
    [
      'a time after the certificate',
      async () => ({ signature: await signAt(key.validTo), now: key.validTo }),
      'expired',
      null,
      101,
    ],
  ])('with %s', async (_, change, status, reason, exitCode) => {
    const verdict = await judge(await change())
    expect([verdict.status, verdict.reason, exitCodeOf(verdict)]).toEqual([status, reason, exitCode])
  })

  it('asks for an expired certificate afresh before it calls an old signature good', async () => {
    const asked: string[] = []
    const findCertificate = (answer: Uint8Array | null) => async (_: string, how: 'any' | 'fresh') => {
      asked.push(how)
      return how === 'any' ? certificate : answer
    }
    expect((await judge({ now: key.validTo, findCertificate: findCertificate(certificate) })).status).toBe('good')
    const offline = await judge({ now: key.validTo, findCertificate: findCertificate(null) })
    expect(offline).toMatchObject({ status: 'unknown', reason: 'not-fetched-afresh' })
    expect(exitCodeOf(offline)).toBe(3)
    expect(asked).toEqual(['any', 'fresh', 'any', 'fresh'])
  })

  it('is bad as soon as one of several signatures is', async () => {
    const both = utf8(`${await signMessage(await readPrimarySecret(key.secretKey), LETTER, NOW)}`)
    const armor = (text: Uint8Array) => new TextDecoder().decode(text)
    expect(armor(both)).toContain('BEGIN PGP SIGNATURE')
    const binary = async (bytes: Uint8Array) => {
      const { unarmor } = await import('openpgp')
      const { data } = await unarmor(armor(bytes))
      return new Uint8Array(await new Response(data as ReadableStream<Uint8Array<ArrayBuffer>>).arrayBuffer())
    }
    const good = await binary(both)
    const altered = await binary(await signAt(NOW, utf8('something else')))
    expect((await judge({ signature: new Uint8Array([...good, ...good]) })).status).toBe('good')
    expect((await judge({ signature: new Uint8Array([...good, ...altered]) })).status).toBe('bad')
  })

  it('never calls an unsigned message verified', () => {
    expect(summarize(false, UNSIGNED)).toBe('unprotected')
    expect(summarize(true, UNSIGNED)).toBe('confidential')
    expect(exitCodeOf(UNSIGNED)).toBe(3)
  })
})
