import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { deriveTemporaryKeySecrets, parseTemporaryKey } from '@mailseal/common'
import { readAuthority } from '@mailseal/common/authority'
import { PacketList, SecretKeyPacket, SecretSubkeyPacket, SignaturePacket, UserIDPacket } from 'openpgp'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openKeyFile } from '../packages/agent/src/key-file/key-file.ts'
import { checkCredentials } from '../packages/server/src/administrators.ts'
import { combineSeed } from '../packages/server/src/archive/quorum.ts'
import { unlock } from '../packages/server/src/start-up/index.ts'
import { databasePath, openSqliteStore } from '../packages/server/src/store/sqlite/index.ts'
import {
  ADMINISTRATOR,
  ADMINISTRATOR_PASSWORD,
  makeOrganization,
  type Organization,
  USER_PASSWORD,
} from './support/organization.ts'
import { recordTrafficTo } from './support/recorder.ts'

let organization: Organization
/** Everything that was written, said or sent, by what it is. */
const places = new Map<string, Buffer>()
/** Everything that must not be there. */
const secrets = new Map<string, Buffer>()

/** The start-up secret is given to the server; a message in the outbox holds a key as long as that is alive. */
const isMeantToBe = (name: string): boolean => name === 'startup-secret'
const isMeantToBeWhileAlive = (name: string): boolean => isMeantToBe(name) || name.endsWith('.eml')

async function keep(when: string, folder: string, except = isMeantToBe): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || except(entry.name)) continue
    const path = join(entry.parentPath, entry.name)
    places.set(`${path} ${when}`, await readFile(path))
  }
}

/** Raw secret numbers of the keys in a binary OpenPGP secret key. */
async function secretNumbers(label: string, secretKey: Uint8Array): Promise<void> {
  const classes = [SecretKeyPacket, SecretSubkeyPacket, SignaturePacket, UserIDPacket]
  const allowed = Object.fromEntries(classes.map((packet) => [packet.tag, packet]))
  const packets = await PacketList.fromBinary(new Uint8Array(secretKey), allowed as never)
  for (const packet of packets) {
    if (!(packet instanceof SecretKeyPacket || packet instanceof SecretSubkeyPacket)) continue
    const parameters = packet.privateParams as { seed?: Uint8Array; d?: Uint8Array }
    secrets.set(`${label}: ${packet.constructor.name}`, Buffer.from(parameters.seed ?? parameters.d ?? []))
  }
}

beforeAll(async () => {
  organization = await makeOrganization()
  const recorder = await recordTrafficTo(organization.url)
  const alice = organization.user('alice')
  const bob = organization.user('bob')
  const people = ['alice@example.org', 'bob@example.org', 'carol@example.org']
  for (const address of people) await organization.adminJson('mailboxes', 'add', address)

  type Issued = { results: { address: string; temporaryKey: string }[] }
  const issued = [await organization.adminJson<Issued>('enable', ...people, '--send')]
  await keep('while keys were alive', organization.dataFolder, isMeantToBeWhileAlive)
  await alice.json([
    'enroll',
    await organization.messageTo('alice@example.org'),
    '--server',
    recorder.url,
    '--password-file',
    alice.passwordFile,
  ])
  issued.push(await organization.adminJson<Issued>('reissue', 'bob@example.org', '--no-send'))
  const [reissued] = issued[1]?.results ?? []
  const keyFile = join(organization.folder, 'temporary-key')
  await writeFile(keyFile, `${reissued?.temporaryKey}\n`, { mode: 0o600 })
  const enroll = ['enroll', '--address', 'bob@example.org', '--server', recorder.url, '--temporary-key-file', keyFile]
  await bob.json([...enroll, '--password-file', bob.passwordFile])
  await organization.adminJson('cancel', 'carol@example.org')
  const signed = await alice.sign('alice@example.org', 'Hello.\r\n')
  await bob.json(['verify', signed])
  await bob.json(['report', '--password-file', bob.passwordFile])
  await organization.adminJson('revoke', 'alice@example.org', '--reason', 'compromised')
  // A wrong password and a wrong temporary key are refused, and recorded nowhere.
  const wrong = join(organization.folder, 'wrong-credentials')
  await writeFile(wrong, `${ADMINISTRATOR}:a wrong password never stored\n`, { mode: 0o600 })
  const refused = await organization.admin('cancel', 'bob@example.org', '--credentials-file', wrong)
  expect(refused.exitCode).toBe(105)
  secrets.set('wrong password', Buffer.from('a wrong password never stored'))

  for (const { results } of issued) {
    for (const { temporaryKey } of results) {
      const secret = parseTemporaryKey(temporaryKey)
      const { psk, macKey } = deriveTemporaryKeySecrets(secret)
      secrets.set(`temporary key ${temporaryKey}`, Buffer.from(temporaryKey))
      secrets.set(`temporary key ${temporaryKey} without hyphens`, Buffer.from(temporaryKey.replaceAll('-', '')))
      secrets.set(`temporary key ${temporaryKey} in bytes`, Buffer.from(secret))
      secrets.set(`psk of ${temporaryKey}`, Buffer.from(psk))
      secrets.set(`MAC key of ${temporaryKey}`, Buffer.from(macKey))
    }
  }
  secrets.set("administrator's password", Buffer.from(ADMINISTRATOR_PASSWORD))
  secrets.set("users' password", Buffer.from(USER_PASSWORD))
  const journal = await organization.admin('journal', '--json')
  places.set('journal', journal.bytes)
  places.set('what the server said', Buffer.from(organization.serverOutput()))
  places.set("agents' requests", recorder.sent())
  const running = await readdir('/proc').then((names) => names.filter((name) => /^\d+$/.test(name)))
  for (const pid of running) {
    const line = await readFile(`/proc/${pid}/cmdline`).catch(() => Buffer.alloc(0))
    if (line.includes('mailseal')) places.set(`arguments of process ${pid}`, line)
  }
  await keep('at last', organization.dataFolder)
  for (const user of [alice, bob]) await keep('at last', user.home)
  await recorder.end()

  const startupSecret = (await readFile(join(organization.dataFolder, 'startup-secret'), 'utf8')).trim()
  secrets.set('start-up secret', Buffer.from(startupSecret))
  await organization.stop()
  await keep('when stopped', organization.dataFolder)
  const store = await openSqliteStore(databasePath(organization.dataFolder))
  const unlocked = await unlock(store, startupSecret)
  secrets.set('CA', Buffer.from((unlocked.ca.key.privateParams as { seed: Uint8Array }).seed))
  const document = await store.read((reads) => reads.latestAuthorityDocument())
  if (document === null) throw new TypeError('no authority document')
  const authority = readAuthority(document.bytes)
  secrets.set('enrollment key', Buffer.from(unlocked.enrollmentKey({ authority, row: document })?.privateKey ?? []))
  const [verified] = await checkCredentials(store, [{ administrator: ADMINISTRATOR, password: ADMINISTRATOR_PASSWORD }])
  const [row] = await store.read((reads) => reads.administrators())
  if (verified === undefined || row === undefined) throw new TypeError('no administrator')
  secrets.set("administrator's private key", Buffer.from(verified.keyPair.privateKey))
  const generation = { rootFingerprint: authority.rootFingerprint, number: authority.generation }
  const share = {
    administrator: row.name,
    sealedShare: row.sealedShare,
    shareHash: row.shareHash,
    keyPair: verified.keyPair,
  }
  const { seed, quorum } = await combineSeed([share], { generation, archiveKey: authority.archiveKey })
  secrets.set('quorum seed', Buffer.from(seed))
  secrets.set('archive key', Buffer.from(quorum.archive.privateKey))
  await store.close()
  for (const user of [alice, bob]) {
    const { content } = await openKeyFile(
      await readFile(join(user.home, 'mailseal.keyfile')),
      USER_PASSWORD,
      'the key file',
    )
    for (const key of content.keys) await secretNumbers(user.home, key.secretKey)
  }
})

afterAll(() => organization?.end())

/** The forms in which a secret could hide: raw, hex, and base64 at each of its three alignments, both alphabets. */
function formsOf(secret: Buffer): Buffer[] {
  const base64 = [0, 1, 2].flatMap((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), secret])
      .toString('base64')
      .replaceAll('=', '')
    // The characters at both ends depend on the neighbours.
    const inner = text.slice(shift === 0 ? 0 : shift + 1, -1)
    return [inner, inner.replaceAll('+', '-').replaceAll('/', '_')]
  })
  return [
    secret,
    ...[secret.toString('hex'), secret.toString('hex').toUpperCase(), ...base64].map((form) => Buffer.from(form)),
  ]
}

it('no temporary key, password, seed or secret key is anywhere where it must not be', () => {
  // The search itself works: what is public is found, in bytes and in text.
  expect(places.get("agents' requests")?.includes('POST /v1/enrollment/request')).toBe(true)
  expect(places.get('journal')?.includes('alice@example.org')).toBe(true)
  expect([...places.keys()].some((place) => place.includes('mailseal.keyfile'))).toBe(true)
  expect([...places.keys()].some((place) => place.startsWith('arguments of process'))).toBe(true)
  expect([...secrets.values()].every((secret) => secret.length >= 15)).toBe(true)
  expect(secrets.size).toBeGreaterThan(25)
  const found = [...secrets].flatMap(([name, secret]) =>
    formsOf(secret).flatMap((form) =>
      [...places].filter(([, bytes]) => bytes.includes(form)).map(([place]) => `${name} in ${place}`),
    ),
  )
  expect(found).toEqual([])
})
