import {
  deriveTemporaryKeySecrets,
  generateTemporaryKey,
  parseTemporaryKey,
  systemRandom,
  toBase64url,
} from '@mailseal/common'
import { signAuthority } from '@mailseal/common/authority'
import { makeAuthorityKey } from '@mailseal/common/certificate'
import { makeOffer } from '@mailseal/common/offer'
import { deriveQuorum } from '@mailseal/common/quorum-seed'
import type { IssuedKey } from '@mailseal/common/rpc'
import { generateSealingKeyPair } from '@mailseal/common/sealed-channel'

/** 2026-11-23 12:00 UTC. */
export const NOW = 1_795_435_200

/** A real organization: its root, its CA, and its signed authority document. */
export async function makeOrganization(organization = 'Example Ltd') {
  const { root, archive } = deriveQuorum(systemRandom(32))
  const ca = await makeAuthorityKey('Example CA', NOW)
  const authority = signAuthority(root, {
    organization,
    domains: ['example.org', 'example.com'],
    version: 1,
    issued: NOW,
    generation: 1,
    authorities: [{ fingerprint: ca.fingerprint, certificate: toBase64url(ca.certificate), state: 'active' }],
    archiveKey: toBase64url(archive.publicKey),
    enrollmentKey: toBase64url((await generateSealingKeyPair()).publicKey),
    administrators: [],
    listPolicy: { action: 'warn', afterHours: 48 },
  })
  return { root, ca, authority }
}

interface Wanted {
  readonly name?: string
  readonly address?: string
  readonly organization?: string
  readonly sendToken?: string | null
  readonly status?: IssuedKey['status']
  readonly history?: IssuedKey['history']
}

/** A temporary key issued for real, as the KM server answers with it. */
export async function issueKey(wanted: Wanted = {}): Promise<IssuedKey> {
  const { name = 'Alice Example', address = 'alice@example.org', organization, sendToken = 'token' } = wanted
  const { status = 'New', history = null } = wanted
  const { authority } = await makeOrganization(organization)
  const temporaryKey = generateTemporaryKey(systemRandom)
  const expires = NOW + 14 * 86_400
  const content = {
    mailbox: '1'.repeat(32),
    userId: `${name} <${address}>`,
    address,
    server: 'https://km.example.org',
    issued: NOW,
    notAfter: expires,
    authority: toBase64url(new Uint8Array(32)),
  }
  const { offer, mac } = makeOffer(content, deriveTemporaryKeySecrets(parseTemporaryKey(temporaryKey)).macKey)
  const key = { address, name, status, temporaryKey, expires, sendToken, history }
  return { ...key, offer: new Uint8Array(offer), mac: new Uint8Array(mac), authority }
}

/** The same as it travels. */
export function onTheWire(issued: IssuedKey): object {
  const { offer, mac, authority } = issued
  return { ...issued, offer: toBase64url(offer), mac: toBase64url(mac), authority: toBase64url(authority) }
}
