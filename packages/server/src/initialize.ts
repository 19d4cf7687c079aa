import {
  asAddress,
  asDomain,
  asPlainName,
  type Clock,
  LIMITS,
  MailsealError,
  type Random,
  sha256,
  systemClock,
  systemRandom,
  toBase64url,
  toHex,
} from '@mailseal/common'
import { rootFingerprintOf, signAuthority } from '@mailseal/common/authority'
import { type AuthorityKey, makeAuthorityKey } from '@mailseal/common/certificate'
import { ensurePrivateFolder } from '@mailseal/common/program'
import { deriveQuorum, type Quorum } from '@mailseal/common/quorum-seed'
import { generateSealingKeyPair, type SealingKeyPair } from '@mailseal/common/sealed-channel'
import { makeAdministratorKey } from './administrators.ts'
import { combineSeed, type Generation, splitSeed } from './archive/quorum.ts'
import { record } from './journal.ts'
import { ARGON2_PARAMETERS, type Argon2Parameters } from './password-box.ts'
import { assertStrongPassword } from './password-strength.ts'
import {
  caSecretName,
  DATA_KEY_SECRET,
  makeDataKey,
  STARTUP_SECRET_ESCROW,
  sealCaKey,
  sealEnrollmentKey,
  sealStartupSecret,
} from './start-up/index.ts'
import { databasePath, openSqliteStore } from './store/sqlite/index.ts'
import type { Reads, Store, Transaction } from './store/store.ts'

export interface InitializeOptions {
  readonly dataFolder: string
  readonly organization: string
  readonly domains: readonly string[]
  readonly administrator: { readonly name: string; readonly address?: string | undefined; readonly password: string }
  /** Asked for once everything else was found in order, since it may make a file. */
  readonly startupSecret: () => Promise<string>
  readonly clock?: Clock
  readonly random?: Random
  /** Lower for tests only; stored beside what it protects. */
  readonly argon2?: Argon2Parameters
}

/** A new organization. */
export interface Initialized {
  readonly organization: string
  readonly domains: readonly string[]
  /** 64 lower-case hex digits: what people compare at enrollment. */
  readonly rootFingerprint: string
  readonly caFingerprint: string
}

/** The options as checked; used from here on. */
interface Plan {
  readonly organization: string
  readonly domains: readonly string[]
  readonly administrator: { readonly name: string; readonly address: string | null; readonly password: string }
  readonly startupSecret: string
  readonly now: number
  readonly random: Random
  readonly argon2: Argon2Parameters
}

/** The organization's keys, all of them fresh. */
interface Keys {
  readonly quorum: Quorum
  readonly generation: Generation
  readonly ca: AuthorityKey
  readonly enrollment: SealingKeyPair
}

/**
 * Makes an organization: quorum seed, root, archive key, CA, enrollment key, the first administrator, the first
 * authority document. All of it enters the database in one transaction, so that whatever happens before leaves a data
 * folder that can be initialized again.
 *
 * @throws {@link MailsealError} `already-exists`; `bad-data` for a wrong name; `refused-by-policy` for a weak password.
 */
export async function initialize(options: InitializeOptions): Promise<Initialized> {
  const checked = asChecked(options)
  await ensurePrivateFolder(options.dataFolder)
  await assertUninitialized(options.dataFolder)
  const plan = { ...checked, startupSecret: await options.startupSecret() }
  assertStrongPassword(plan.startupSecret, 'the start-up secret', [plan.organization, ...plan.domains])

  const { initialized, write } = await prepare(plan)
  const store = await openSqliteStore(databasePath(options.dataFolder), {
    create: true,
    clock: { now: () => plan.now },
  })
  try {
    await store.transaction(async (tx) => {
      await assertEmpty(tx)
      await write(tx)
    })
  } finally {
    await store.close()
  }
  return initialized
}

function asChecked(options: InitializeOptions): Omit<Plan, 'startupSecret'> {
  const organization = asPlainName(options.organization, "the organization's name", LIMITS.organizationCharacters)
  const domains = [...new Set(options.domains.map(asDomain))]
  if (domains.length === 0)
    throw new MailsealError('usage', 'no domain given', { hint: 'give it with --domain DOMAIN' })
  if (domains.length > LIMITS.domains) throw new MailsealError('too-large', `more than ${LIMITS.domains} domains`)
  const { address, password } = options.administrator
  const name = asAdministratorName(options.administrator.name)
  assertStrongPassword(password, "the administrator's password", [organization, ...domains, name])
  const { clock = systemClock, random = systemRandom, argon2 = ARGON2_PARAMETERS } = options
  const administrator = { name, address: address === undefined ? null : asAddress(address), password }
  return { organization, domains, administrator, now: clock.now(), random, argon2 }
}

/** Where passwords are given by file, the name ends at the first colon. */
function asAdministratorName(text: string): string {
  const name = asPlainName(text, "the administrator's name", LIMITS.administratorNameCharacters)
  if (name.includes(':')) throw new MailsealError('bad-data', "the administrator's name must not hold a colon")
  return name
}

/**
 * Refuses a data folder that holds an organization. Makes nothing.
 *
 * @throws {@link MailsealError} `already-exists`.
 */
export async function assertUninitialized(dataFolder: string): Promise<void> {
  let store: Store
  try {
    store = await openSqliteStore(databasePath(dataFolder))
  } catch (thrown) {
    if (thrown instanceof MailsealError && thrown.code === 'not-found') return
    throw thrown
  }
  try {
    await store.read(assertEmpty)
  } finally {
    await store.close()
  }
}

async function assertEmpty(reads: Reads): Promise<void> {
  if ((await reads.latestAuthorityDocument()) === null) return
  throw new MailsealError('already-exists', 'the KM server is initialized already', {
    hint: 'start it (mailseal-server start), or choose another folder with --data DIR',
  })
}

/** All the slow work. @returns What is made, and how to write it in a transaction. */
async function prepare(plan: Plan): Promise<{ initialized: Initialized; write(tx: Transaction): Promise<void> }> {
  const seed = plan.random(32)
  try {
    const keys = await makeKeys(plan, seed)
    const { dataKey, sealedDataKey } = await makeDataKey(plan.startupSecret, plan)
    const administrator = await makeAdministrator(plan, keys, seed)
    const document = signDocument(plan, keys, administrator.publicKey)
    const { rootFingerprint } = keys.generation
    const escrow = await sealStartupSecret(keys.quorum.archive.publicKey, keys.generation, plan.startupSecret)
    return {
      initialized: {
        organization: plan.organization,
        domains: plan.domains,
        rootFingerprint,
        caFingerprint: keys.ca.fingerprint,
      },
      async write(tx) {
        await tx.putSecret(DATA_KEY_SECRET, sealedDataKey)
        await tx.putSecret(caSecretName(keys.ca.fingerprint), sealCaKey(dataKey, keys.ca))
        await tx.putSecret(STARTUP_SECRET_ESCROW, escrow)
        await tx.addAuthorityDocument({
          version: 1,
          hash: sha256(document),
          bytes: document,
          sealedEnrollmentKey: sealEnrollmentKey(dataKey, keys.enrollment),
        })
        await tx.addAdministrator(administrator)
        await record(tx, plan.random, {
          time: plan.now,
          task: 'init',
          administrators: [administrator.name],
          subject: plan.organization,
          result: 'done',
          requestId: toHex(plan.random(16)),
        })
      },
    }
  } finally {
    seed.fill(0)
  }
}

async function makeKeys({ organization, domains, now }: Plan, seed: Uint8Array): Promise<Keys> {
  const quorum = deriveQuorum(seed)
  return {
    quorum,
    generation: { rootFingerprint: rootFingerprintOf(quorum.root.publicKey), number: 1 },
    ca: await makeAuthorityKey(caUserId(organization, domains), now),
    enrollment: await generateSealingKeyPair(),
  }
}

/** Legal for every OpenPGP program, and no address that a person is likely to have. */
function caUserId(organization: string, [domain]: readonly string[]): string {
  const name = organization
    .replaceAll(/[<>@"()]/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim()
  return `${name} CA <openpgp-ca@${domain}>`.trim()
}

async function makeAdministrator(plan: Plan, keys: Keys, seed: Uint8Array) {
  const { name, address, password } = plan.administrator
  const { keyPair, sealedPrivateKey } = await makeAdministratorKey({ administrator: name, password }, plan)
  const { generation, quorum } = keys
  const owners = [{ name, publicKey: keyPair.publicKey }]
  const [share] = await splitSeed(seed, { generation, required: 1, administrators: owners })
  if (!share) throw new TypeError('the seed was not split')
  // What can't be opened now would be lost for ever.
  const again = await combineSeed([{ ...share, keyPair }], { generation, archiveKey: quorum.archive.publicKey })
  again.seed.fill(0)
  const { sealedShare, shareHash } = share
  return { name, address, publicKey: keyPair.publicKey, sealedPrivateKey, sealedShare, shareHash, added: plan.now }
}

function signDocument(plan: Plan, keys: Keys, administratorKey: Uint8Array): Uint8Array<ArrayBuffer> {
  const { ca, quorum, enrollment, generation } = keys
  return signAuthority(quorum.root, {
    organization: plan.organization,
    domains: [...plan.domains],
    version: 1,
    issued: plan.now,
    generation: generation.number,
    authorities: [{ fingerprint: ca.fingerprint, certificate: toBase64url(ca.certificate), state: 'active' }],
    archiveKey: toBase64url(quorum.archive.publicKey),
    enrollmentKey: toBase64url(enrollment.publicKey),
    administrators: [{ name: plan.administrator.name, publicKey: toBase64url(administratorKey) }],
    listPolicy: { action: 'warn', afterHours: 24 },
  })
}
