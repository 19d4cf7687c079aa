import { deriveTemporaryKeySecrets, parseTemporaryKey, sha256, toBase64url, toHex, utf8 } from '@mailseal/common'
import { sealArchiveEntry } from '@mailseal/common/archive-entry'
import { type AuthorityContent, readAuthority, signAuthority } from '@mailseal/common/authority'
import {
  certify,
  makeAuthorityKey,
  makeUserKey,
  parseCertificate,
  readPrimarySecret,
} from '@mailseal/common/certificate'
import { makeOffer, type OfferContent, readOffer } from '@mailseal/common/offer'
import { deriveQuorum } from '@mailseal/common/quorum-seed'
import { sealingKeyPairOf } from '@mailseal/common/sealed-channel'
import { formatTemporaryKey } from '../../../../packages/common/src/temporary-key.ts'
import { withRandomness } from '../randomness.ts'

/* An organization made for the vectors, the same each time. Its secrets are nobody's. */

/** 32 bytes of this name. */
export const bytesOf = (name: string) => sha256(utf8(`mailseal vectors: ${name}`))
const seedOf = (name: string) => `mailseal vectors: ${name}`

/** 2026-08-31T12:00:00Z: certificates end on 29 February 2028. */
export const NOW = Date.UTC(2026, 7, 31, 12) / 1000
export const DOMAINS = ['example.org', 'example.net'] as const
export const DOMAIN = DOMAINS[0]
export const ALICE = 'Alice Example <alice@example.org>'
export const SERIAL = '07c1a4e2903f5b68'
export const MAILBOX = toHex(bytesOf('mailbox').subarray(0, 16))

export const QUORUM_SEED = bytesOf('quorum seed')
export const quorum = deriveQuorum(QUORUM_SEED)
export const enrollmentKey = sealingKeyPairOf(bytesOf('enrollment key'))

/** A CA or user's key under its own fixed randomness. */
export const makeCa = (name: string, now = NOW - 86_400) =>
  withRandomness(seedOf(name), () => makeAuthorityKey('Example Organization <ca@example.org>', now))
export const randomnessOf = seedOf
export const makeUser = (name: string, userId = ALICE, validFrom = NOW) =>
  withRandomness(seedOf(name), () => makeUserKey(userId, validFrom))

export const ca = await makeCa('ca')
export const retiredCa = await makeCa('retired ca', NOW - 700 * 86_400)
export const caSecret = await readPrimarySecret(ca.secretKey)
export const alice = await makeUser('alice')
export const aliceSecret = await readPrimarySecret(alice.secretKey)
export const mallory = await makeUser('mallory')
export const mallorySecret = await readPrimarySecret(mallory.secretKey)

export const CERTIFICATION = { serial: SERIAL, domain: DOMAIN, validFrom: NOW, validTo: alice.validTo }
/** Alice's certificate as certified. */
export const certified = await certify(caSecret, await parseCertificate(alice.certificate), CERTIFICATION)

export const authorityContent: Omit<AuthorityContent, 'root' | 'format'> = {
  organization: 'Example Organization',
  domains: [...DOMAINS],
  version: 3,
  issued: NOW - 3600,
  generation: 1,
  authorities: [
    { fingerprint: ca.fingerprint, certificate: toBase64url(ca.certificate), state: 'active' },
    { fingerprint: retiredCa.fingerprint, certificate: toBase64url(retiredCa.certificate), state: 'retired' },
  ],
  archiveKey: toBase64url(quorum.archive.publicKey),
  enrollmentKey: toBase64url(enrollmentKey.publicKey),
  administrators: [{ name: 'Carol', publicKey: toBase64url(sealingKeyPairOf(bytesOf('Carol')).publicKey) }],
  listPolicy: { action: 'warn', afterHours: 48 },
}
export const authorityBytes = signAuthority(quorum.root, authorityContent)
export const authority = readAuthority(authorityBytes)

export const temporaryKeySecret = bytesOf('temporary key').subarray(0, 15)
export const temporaryKey = formatTemporaryKey(temporaryKeySecret)
export const secrets = deriveTemporaryKeySecrets(parseTemporaryKey(temporaryKey))

export const offerContent: OfferContent = {
  format: 'mailseal-offer/1',
  mailbox: MAILBOX,
  userId: ALICE,
  address: 'alice@example.org',
  server: 'https://mailseal.example.org',
  issued: NOW - 600,
  notAfter: NOW - 600 + 14 * 86_400,
  authority: toBase64url(authority.hash),
}
export const madeOffer = makeOffer(offerContent, secrets.macKey)
export const offer = readOffer(madeOffer, secrets.macKey)

export const archiveSubject = {
  rootFingerprint: authority.rootFingerprint,
  generation: 1,
  mailbox: MAILBOX,
  subkeyFingerprint: alice.subkeyFingerprint,
}
export const archiveRandomness = seedOf('archive entry')
export const archived = await withRandomness(archiveRandomness, () =>
  sealArchiveEntry(quorum.archive.publicKey, archiveSubject, alice.secretSubkey),
)
