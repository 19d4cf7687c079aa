import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Clock, formatUserId, sha256, systemRandom, toBase64url, toHex } from '@mailseal/common'
import { notationDomain, readAuthority, signAuthority } from '@mailseal/common/authority'
import {
  asRenewedCertificate,
  certify,
  endCertificate,
  makeAuthorityKey,
  makeRenewal,
  makeUserKey,
  parseCertificate,
  readPrimarySecret,
  revokeCertification,
  signForPurpose,
  type UserKey,
} from '@mailseal/common/certificate'
import { type CrlEntry, encodeCrl, type RevocationReason } from '@mailseal/common/crl'
import { deriveQuorum } from '@mailseal/common/quorum-seed'
import type { Fetch } from '@mailseal/common/rpc'
import { generateSealingKeyPair } from '@mailseal/common/sealed-channel'
import { onTestFinished } from 'vitest'
import { type AgentOptions, openAgent } from '../src/index.ts'
import { type KeyFileContent, writeKeyFileContent } from '../src/key-file/content.ts'
import { makeLock, sealWithLock } from '../src/key-file/password-message.ts'

/** 2026-09-21T14:13:20Z. */
export const NOW = 1_790_000_000
export const PASSWORD = 'correct horse'
export const SERVER = 'http://127.0.0.1:1'

export const frozen = (now: number): Clock => ({ now: () => now })

/** An organization as a KM server keeps it, made of the same parts: root, CA, archive key, authority document. */
export async function makeOrganization({ now = NOW, domain = 'example.org' } = {}) {
  const { root, archive } = deriveQuorum(systemRandom(32))
  const ca = await makeAuthorityKey(`CA <ca@${domain}>`, now)
  const secret = await readPrimarySecret(ca.secretKey)
  const enrollment = await generateSealingKeyPair()
  const bytes = signAuthority(root, {
    organization: 'Example Organization',
    domains: [domain],
    version: 1,
    issued: now,
    generation: 1,
    authorities: [{ fingerprint: ca.fingerprint, certificate: toBase64url(ca.certificate), state: 'active' }],
    archiveKey: toBase64url(archive.publicKey),
    enrollmentKey: toBase64url(enrollment.publicKey),
    administrators: [],
    listPolicy: { action: 'warn', afterHours: 24 },
  })
  const document = readAuthority(bytes)
  return {
    document,
    /** A mailbox's key, certified from `now` on. */
    async issue(address: string, { name = '', validFrom = now } = {}): Promise<Issued> {
      const key = await makeUserKey(formatUserId(name, address), validFrom)
      const serial = toHex(systemRandom(8))
      const parsed = await parseCertificate(key.certificate)
      const domain = notationDomain(document)
      const certificate = await certify(secret, parsed, { serial, domain, validFrom, validTo: key.validTo })
      return { address, key, serial, certificate }
    },
    /** The same key, certified once more from `validFrom` on. */
    async renewed(issued: Issued, validFrom: number): Promise<Issued> {
      const parsed = await parseCertificate(issued.certificate)
      const renewal = await makeRenewal(await readPrimarySecret(issued.key.secretKey), parsed, validFrom)
      const { validTo, ...signed } = await asRenewedCertificate(parsed, renewal, validFrom)
      const serial = toHex(systemRandom(8))
      const domain = notationDomain(document)
      const certificate = await certify(secret, signed, { serial, domain, validFrom, validTo })
      return { ...issued, serial, certificate }
    },
    /** The certificate as it is published when its use has ended. */
    async ended({ key, serial, certificate }: Issued, reason: RevocationReason, at = now): Promise<Uint8Array> {
      const parsed = await parseCertificate(certificate)
      const domain = notationDomain(document)
      return endCertificate(parsed, {
        certificationRevocation: await revokeCertification(secret, parsed, { serial, domain, reason, at }),
        subkeyRevocation: key.subkeyRevocation,
        keyRevocation: reason === 'compromised' || reason === 'unspecified' ? key.keyRevocation : null,
      })
    },
    /** A signed revocation list. */
    list({ number = now, at = now, entries = [] as readonly CrlEntry[], signer = secret } = {}) {
      const journal = { index: 1, head: toHex(sha256(new Uint8Array())) }
      const header = { number, thisUpdate: at, nextUpdate: at + 86_400, journal, issuer: ca.fingerprint }
      return encodeCrl({ ...header, entries }, (bytes) =>
        signForPurpose(signer, { purpose: 'revocation-list', domain, bytes, at }),
      )
    },
    /** A key file's content for the newest of some keys, which all stay in it. */
    content(issued: Issued, ...older: readonly Issued[]): KeyFileContent {
      return {
        mailbox: toHex(sha256(new TextEncoder().encode(issued.address))).slice(0, 32),
        address: issued.address,
        server: SERVER,
        directoryToken: 'token',
        root: document.rootFingerprint,
        authority: bytes,
        certificate: new Uint8Array(issued.certificate),
        keys: [issued, ...older].map(({ key, serial }) => ({
          fingerprint: key.fingerprint,
          serial,
          secretKey: key.secretKey,
        })),
        recovered: [],
      }
    },
  }
}

export type Organization = Awaited<ReturnType<typeof makeOrganization>>

export interface Issued {
  readonly address: string
  readonly key: UserKey
  readonly serial: string
  readonly certificate: Uint8Array
}

/** A folder that goes when the test ends. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'mailseal-agent-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** Opens at once. */
const CHEAP = { passes: 1, parallelism: 1, memoryExponent: 10 }

/** Writes a key file as it is made by the agent, but for what its password costs. */
export async function writeKeyFileAt(path: string, content: KeyFileContent, password = PASSWORD): Promise<string> {
  const lock = await makeLock(password, systemRandom, CHEAP)
  await writeFile(path, await sealWithLock(lock, writeKeyFileContent(content)))
  return path
}

/** An agent in a new folder that nobody has enrolled, with the network as given. */
export async function newAgent(options: Partial<AgentOptions> = {}) {
  const home = options.home ?? (await temporaryFolder())
  const password = async () => PASSWORD
  const agent = await openAgent({ fetch: noNetwork, clock: frozen(NOW), password, ...options, home })
  onTestFinished(() => agent.close())
  return { agent, home }
}

/** An agent that has a mailbox's key, brought by a key file. */
export async function enrolledAgent(organization: Organization, issued: Issued, options: Partial<AgentOptions> = {}) {
  const { agent, home } = await newAgent(options)
  const copy = await writeKeyFileAt(join(await temporaryFolder(), 'copy.keyfile'), organization.content(issued))
  await agent.keyFile.use(copy)
  return { agent, home }
}

/** A letter signed by the agent of a mailbox, also outside of tests. */
export async function signedBy(organization: Organization, issued: Issued, message: Uint8Array): Promise<Uint8Array> {
  const home = await mkdtemp(join(tmpdir(), 'mailseal-agent-'))
  const agent = await openAgent({ home, clock: frozen(NOW), password: async () => PASSWORD })
  try {
    await agent.keyFile.use(await writeKeyFileAt(join(home, 'copy'), organization.content(issued)))
    return await agent.sign(message)
  } finally {
    agent.close()
    await rm(home, { recursive: true })
  }
}

export const noNetwork: Fetch = async () => {
  throw new TypeError('fetch failed')
}

/** What a KM server publishes, by path; a function is asked each time. */
export function published(files: Readonly<Record<string, Uint8Array | (() => Uint8Array | null) | undefined>>): Fetch {
  return async (input, init) => {
    const entry = files[new URL(String(input)).pathname]
    const bytes = typeof entry === 'function' ? entry() : (entry ?? null)
    if (bytes === null) {
      return Response.json({ error: { code: 'not-found', message: 'there is no such thing' } }, { status: 404 })
    }
    const etag = `"${toHex(sha256(bytes))}"`
    if (new Headers(init?.headers).get('if-none-match') === etag) return new Response(null, { status: 304 })
    return new Response(new Uint8Array(bytes), { headers: { etag } })
  }
}
