import { beforeAll, describe, expect, it } from 'vitest'
import { openArchiveEntry, sealArchiveEntry } from '../src/archive-entry.ts'
import {
  type Authority,
  type AuthorityContent,
  assertSuccessor,
  readAuthority,
  signAuthority,
} from '../src/authority.ts'
import { makeAuthorityKey, makeUserKey, readPrimarySecret } from '../src/certificate/index.ts'
import {
  openEnrollmentReply,
  openEnrollmentRequest,
  readRequestPreamble,
  sealEnrollmentReply,
  sealEnrollmentRequest,
} from '../src/enrollment.ts'
import { deriveTemporaryKeySecrets, toBase64url, toHex, utf8 } from '../src/index.ts'
import { makeOffer, readAttachment, readOffer, serverTimeMac, writeAttachment } from '../src/offer.ts'
import { deriveQuorum, type Quorum } from '../src/quorum-seed.ts'
import { generateSealingKeyPair, type SealingKeyPair } from '../src/sealed-channel.ts'
import { readUserRequest, signUserRequest, verifyUserRequest } from '../src/signed-request.ts'

const NOW = 1_790_000_000
const SECRETS = deriveTemporaryKeySecrets(new Uint8Array(15).fill(7))
const OTHER_SECRETS = deriveTemporaryKeySecrets(new Uint8Array(15).fill(8))

let quorum: Quorum
let enrollmentKey: SealingKeyPair
let content: Omit<AuthorityContent, 'root' | 'format'>
let authority: Authority

beforeAll(async () => {
  quorum = deriveQuorum(new Uint8Array(32).fill(1))
  enrollmentKey = await generateSealingKeyPair()
  const ca = await makeAuthorityKey('Example Organization <ca@example.org>', NOW)
  content = {
    organization: 'Example Organization',
    domains: ['example.org'],
    version: 1,
    issued: NOW,
    generation: 1,
    authorities: [{ fingerprint: ca.fingerprint, certificate: toBase64url(ca.certificate), state: 'active' }],
    archiveKey: toBase64url(quorum.archive.publicKey),
    enrollmentKey: toBase64url(enrollmentKey.publicKey),
    administrators: [],
    listPolicy: { action: 'warn', afterHours: 24 },
  }
  authority = readAuthority(signAuthority(quorum.root, content))
})

/** Every single-bit change of some bytes. */
function* changes(bytes: Uint8Array): Generator<Uint8Array<ArrayBuffer>> {
  for (let at = 0; at < bytes.length; at++) {
    const changed = new Uint8Array(bytes)
    changed[at] = (changed[at] as number) ^ (1 << (at % 8))
    yield changed
  }
}

describe('the quorum seed', () => {
  it('always gives the same root and archive key', async () => {
    const again = deriveQuorum(new Uint8Array(32).fill(1))
    const other = deriveQuorum(new Uint8Array(32).fill(2))
    expect(again.root.publicKey).toEqual(quorum.root.publicKey)
    expect(again.archive).toEqual(quorum.archive)
    expect(other.root.publicKey).not.toEqual(quorum.root.publicKey)
    expect(toHex(quorum.root.publicKey)).not.toBe(toHex(quorum.archive.publicKey))
  })
})

describe('an authority document', () => {
  it('is refused with any bit changed', () => {
    for (const changed of changes(authority.bytes)) {
      expect(() => readAuthority(changed)).toThrow(expect.objectContaining({ name: 'MailsealError' }))
    }
  })

  it('gives way to a newer one of its root only', async () => {
    const next = (version: number, change = {}) =>
      readAuthority(signAuthority(quorum.root, { ...content, version, ...change }))
    const foreign = deriveQuorum(new Uint8Array(32).fill(9))
    assertSuccessor(authority, authority)
    assertSuccessor(authority, next(2))
    expect(() => assertSuccessor(next(2), authority)).toThrow('the authority document is older than the one held')
    expect(() => assertSuccessor(authority, next(1, { issued: NOW + 1 }))).toThrow(
      expect.objectContaining({ code: 'untrusted' }),
    )
    const swapped = readAuthority(signAuthority(foreign.root, { ...content, version: 3 }))
    expect(() => assertSuccessor(authority, swapped)).toThrow(expect.objectContaining({ code: 'untrusted' }))
  })
})

const OFFER = {
  mailbox: '00112233445566778899aabbccddeeff',
  userId: 'Alice <alice@example.org>',
  address: 'alice@example.org',
  server: 'http://127.0.0.1:8650',
  issued: NOW,
  notAfter: NOW + 1000,
}

function offer() {
  return makeOffer({ ...OFFER, authority: toBase64url(authority.hash) }, SECRETS.macKey)
}

describe('an offer', () => {
  it('opens with its own temporary key and not when changed', () => {
    const made = offer()
    expect(readOffer(made, SECRETS.macKey)).toMatchObject(OFFER)
    expect(() => readOffer(made, OTHER_SECRETS.macKey)).toThrow(expect.objectContaining({ code: 'untrusted' }))
    for (const changed of changes(made.offer)) {
      expect(() => readOffer({ ...made, offer: changed }, SECRETS.macKey)).toThrow(
        expect.objectContaining({ code: 'untrusted' }),
      )
    }
  })

  it('travels in an attachment', () => {
    const made = offer()
    expect(readAttachment(writeAttachment(made, authority.bytes))).toMatchObject({
      offer: new Uint8Array(made.offer),
      mac: made.mac,
      authority: new Uint8Array(authority.bytes),
    })
    expect(() => readAttachment(utf8('{}'))).toThrow(expect.objectContaining({ code: 'bad-data' }))
  })

  it('has the time of the server bound to one nonce', () => {
    const nonce = new Uint8Array(16)
    expect(serverTimeMac(SECRETS.macKey, nonce, NOW)).not.toEqual(serverTimeMac(SECRETS.macKey, nonce, NOW + 1))
    expect(serverTimeMac(SECRETS.macKey, nonce, NOW)).not.toEqual(
      serverTimeMac(SECRETS.macKey, new Uint8Array(16).fill(1), NOW),
    )
  })
})

describe('the exchange of an enrollment', () => {
  const body = { certificate: '', keyRevocation: '', subkeyRevocation: '', archiveEntry: '', agent: 'test/1' }
  const replyBody = () => ({
    certificate: toBase64url(utf8('certificate')),
    serial: '00000000000000a1',
    authority: toBase64url(authority.bytes),
    recovered: [],
    crl: { number: 1, hash: toBase64url(new Uint8Array(32)) },
    directoryToken: 'token',
  })
  const seal = () => sealEnrollmentRequest(authority, readOffer(offer(), SECRETS.macKey), SECRETS, body)

  it('goes there and back', async () => {
    const { request, replyKey } = await seal()
    const preamble = readRequestPreamble(request)
    expect(preamble).toEqual({ documentHash: authority.hash, pskId: SECRETS.pskId })
    const opened = await openEnrollmentRequest(enrollmentKey, preamble.documentHash, SECRETS, request)
    expect(opened.content.agent).toBe('test/1')
    expect(opened.replyKey).toEqual(replyKey)
    const reply = sealEnrollmentReply(opened.replyKey, request, replyBody())
    expect(openEnrollmentReply(replyKey, request, reply)).toMatchObject({
      serial: '00000000000000a1',
      directoryToken: 'token',
    })
  })

  it('a recorded exchange opens with neither the temporary key nor the enrollment key alone', async () => {
    const { request } = await seal()
    const stranger = await generateSealingKeyPair()
    const failure = { code: 'cannot-decrypt', message: 'a sealed object cannot be opened' }
    await expect(openEnrollmentRequest(stranger, authority.hash, SECRETS, request)).rejects.toMatchObject(failure)
    const pskAlone = { psk: OTHER_SECRETS.psk, pskId: SECRETS.pskId }
    await expect(openEnrollmentRequest(enrollmentKey, authority.hash, pskAlone, request)).rejects.toMatchObject(failure)
    await expect(openEnrollmentRequest(enrollmentKey, new Uint8Array(32), SECRETS, request)).rejects.toMatchObject(
      failure,
    )
  })

  it('a request with any bit changed does not open', async () => {
    const { request } = await seal()
    for (const changed of changes(request)) {
      const opened = openEnrollmentRequest(enrollmentKey, authority.hash, SECRETS, changed)
      await expect(opened).rejects.toMatchObject({ code: expect.stringMatching(/^(?:cannot-decrypt|bad-data)$/) })
    }
  })

  it('a reply opens beside its own request alone', async () => {
    const one = await seal()
    const two = await seal()
    const reply = sealEnrollmentReply(one.replyKey, one.request, replyBody())
    const failure = expect.objectContaining({ code: 'cannot-decrypt' })
    expect(() => openEnrollmentReply(two.replyKey, one.request, reply)).toThrow(failure)
    expect(() => openEnrollmentReply(one.replyKey, two.request, reply)).toThrow(failure)
    for (const changed of changes(reply.subarray(0, 200))) {
      expect(() => openEnrollmentReply(one.replyKey, one.request, changed)).toThrow(failure)
    }
  })
})

describe('an archive entry', () => {
  it('opens for its own mailbox, subkey, root and generation alone', async () => {
    const subject = {
      rootFingerprint: authority.rootFingerprint,
      generation: 1,
      mailbox: OFFER.mailbox,
      subkeyFingerprint: 'ab'.repeat(20),
    }
    const entry = await sealArchiveEntry(authority.archiveKey, subject, utf8('secret subkey'))
    expect(await openArchiveEntry(quorum.archive, subject, entry)).toEqual(utf8('secret subkey'))
    for (const other of [
      { generation: 2 },
      { mailbox: '0'.repeat(32) },
      { subkeyFingerprint: 'cd'.repeat(20) },
      { rootFingerprint: '0'.repeat(64) },
    ]) {
      await expect(openArchiveEntry(quorum.archive, { ...subject, ...other }, entry)).rejects.toMatchObject({
        code: 'cannot-decrypt',
      })
    }
  })
})

describe('a signed request', () => {
  it('counts for its key, organization and bytes alone', async () => {
    const key = await makeUserKey(OFFER.userId, NOW)
    const primary = await readPrimarySecret(key.secretKey)
    const stranger = await readPrimarySecret((await makeUserKey(OFFER.userId, NOW)).secretKey)
    const request = {
      purpose: 'report',
      root: authority.rootFingerprint,
      id: '0'.repeat(32),
      time: NOW,
      serial: '00000000000000a1',
      body: { crlNumber: 1, agent: 'test/1' },
    } as const
    const signed = await signUserRequest(primary, 'example.org', request)
    expect(await verifyUserRequest(primary as never, ['example.org'], signed)).toMatchObject(request)
    expect(readUserRequest(signed.request)).toMatchObject(request)
    const refused = { code: 'untrusted', message: 'the request is not signed by the key of its certificate' }
    await expect(verifyUserRequest(stranger as never, ['example.org'], signed)).rejects.toMatchObject(refused)
    await expect(verifyUserRequest(primary as never, ['example.net'], signed)).rejects.toMatchObject(refused)
    const later = await signUserRequest(primary, 'example.org', { ...request, time: NOW + 1 })
    await expect(
      verifyUserRequest(primary as never, ['example.org'], { ...signed, request: later.request }),
    ).rejects.toMatchObject(refused)
  })
})
