import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { canonicalJson, systemRandom, utf8 } from '@mailseal/common'
import { readAuthority } from '@mailseal/common/authority'
import { openSealed } from '@mailseal/common/sealed-channel'
import { describe, expect, it } from 'vitest'
import { checkCredentials } from '../src/administrators.ts'
import { combineSeed } from '../src/archive/quorum.ts'
import { initialize } from '../src/initialize.ts'
import { unlock } from '../src/start-up/index.ts'
import { databasePath, openSqliteStore } from '../src/store/sqlite/index.ts'
import { initialized, initializeOptions, NOW, PASSWORD, STARTUP_SECRET } from './initialized.ts'
import { temporaryFolder } from './store/back-ends.ts'

async function authorityOf({ store }: Pick<Awaited<ReturnType<typeof initialized>>, 'store'>) {
  const row = await store.read((reads) => reads.latestAuthorityDocument())
  if (!row) throw new Error('no document')
  return readAuthority(row.bytes)
}

describe('initialize', () => {
  it('signs the first authority document with the new root', async () => {
    const organization = await initialized()
    expect(await authorityOf(organization)).toMatchObject({
      organization: 'Example Ltd',
      domains: ['example.org', 'example.com'],
      version: 1,
      generation: 1,
      issued: NOW,
      rootFingerprint: organization.rootFingerprint,
      authorities: [{ fingerprint: organization.caFingerprint, state: 'active' }],
      administrators: [{ name: 'anna' }],
      listPolicy: { action: 'warn', afterHours: 24 },
    })
    expect(organization).toMatchObject({ organization: 'Example Ltd', domains: ['example.org', 'example.com'] })
  })

  it('makes one administrator whose password opens the seed of root and archive', async () => {
    const organization = await initialized()
    const { store, rootFingerprint } = organization
    const [anna] = await checkCredentials(store, [{ administrator: 'anna', password: PASSWORD }])
    const row = await store.read((reads) => reads.administrator('anna'))
    if (!anna || !row) throw new Error('no administrator')
    expect(row).toMatchObject({ address: 'anna@example.org', added: NOW })
    const authority = await authorityOf(organization)
    expect(authority.administrators[0]?.publicKey).toEqual(row.publicKey)
    const generation = { rootFingerprint, number: 1 }
    const held = [{ ...row, administrator: 'anna', keyPair: anna.keyPair }]
    const { quorum } = await combineSeed(held, { generation, archiveKey: authority.archiveKey })

    // A quorum can restore the start-up secret.
    const escrow = await store.read((reads) => reads.secret('startup-secret for the quorum'))
    const info = canonicalJson({ format: 'mailseal-startup-secret/1', rootFingerprint, generation: 1 })
    const sealed = escrow ?? new Uint8Array()
    expect(await openSealed(quorum.archive, { kind: 'MSEALSUS', info, sealed })).toEqual(utf8(STARTUP_SECRET))
  })

  it('begins the journal', async () => {
    const { store } = await initialized()
    const [entry, ...others] = await store.read((reads) => reads.journal(0, 10))
    expect(others).toEqual([])
    expect(entry).toMatchObject({
      index: 1,
      time: NOW,
      task: 'init',
      administrators: ['anna'],
      subject: 'Example Ltd',
      result: 'done',
    })
  })

  it('keeps folder and files to their owner, and no secret in them', async () => {
    const seeds: Uint8Array[] = []
    const random = (length: number) => {
      const bytes = systemRandom(length)
      // A copy: the seed itself is erased.
      if (length === 32) seeds.push(new Uint8Array(bytes))
      return bytes
    }
    const parent = await temporaryFolder()
    const { dataFolder, store } = await initialized({ dataFolder: join(parent, 'new', 'data'), random })
    expect((await stat(dataFolder)).mode & 0o777).toBe(0o700)
    const secrets = [...seeds, utf8(PASSWORD), utf8(STARTUP_SECRET)]
    const { ca } = await unlock(store, STARTUP_SECRET)
    const privateParams = ca.key.privateParams as { seed: Uint8Array }
    secrets.push(privateParams.seed)
    expect(secrets.length).toBeGreaterThanOrEqual(5)
    await store.close()
    for (const name of await readdir(dataFolder)) {
      expect((await stat(join(dataFolder, name))).mode & 0o777).toBe(0o600)
      const content = await readFile(join(dataFolder, name))
      for (const secret of secrets) expect(content.includes(Buffer.from(secret))).toBe(false)
    }
  })

  it('erases the seed from memory', async () => {
    const given: Uint8Array[] = []
    const random = (length: number) => {
      const bytes = systemRandom(length)
      given.push(bytes)
      return bytes
    }
    await initialized({ random })
    expect(given[0]).toEqual(new Uint8Array(32))
  })

  it('refuses a data folder that is initialized, and leaves it as it is', async () => {
    const { dataFolder, rootFingerprint } = await initialized()
    const before = await readFile(databasePath(dataFolder))
    let asked = false
    const startupSecret = async () => {
      asked = true
      return STARTUP_SECRET
    }
    await expect(initialize(await initializeOptions({ dataFolder, startupSecret }))).rejects.toMatchObject({
      code: 'already-exists',
      message: 'the KM server is initialized already',
    })
    expect(asked).toBe(false)
    expect(await readFile(databasePath(dataFolder))).toEqual(before)
    const store = await openSqliteStore(databasePath(dataFolder))
    expect((await authorityOf({ store })).rootFingerprint).toBe(rootFingerprint)
    await store.close()
  })

  it('lets one of two win that run at the same time', async () => {
    const options = await initializeOptions()
    const results = await Promise.allSettled([initialize(options), initialize(options)])
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    const [lost] = results.filter((result) => result.status === 'rejected')
    expect(lost?.reason).toMatchObject({ code: 'already-exists', message: 'the KM server is initialized already' })
  })

  it('can be run again after it was stopped before the transaction', async () => {
    const options = await initializeOptions()
    await (await openSqliteStore(databasePath(options.dataFolder), { create: true })).close()
    expect(await initialize(options)).toMatchObject({ organization: 'Example Ltd' })
  })

  it.each([
    [{ organization: '\u202e' }, 'bad-data', "the organization's name must have 1 to 128 printable characters"],
    [{ domains: ['not a domain'] }, 'bad-data', 'this is not a domain name'],
    [{ domains: [] }, 'usage', 'no domain given'],
    [
      { administrator: { name: 'a:b', password: PASSWORD } },
      'bad-data',
      "the administrator's name must not hold a colon",
    ],
    [
      { administrator: { name: 'anna', address: 'anna', password: PASSWORD } },
      'bad-data',
      'this is not an e-mail address',
    ],
    [
      { administrator: { name: 'anna', password: 'short' } },
      'refused-by-policy',
      "the administrator's password is shorter than 14 characters",
    ],
  ])('refuses %j and makes nothing', async (change, code, message) => {
    const dataFolder = join(await temporaryFolder(), 'data')
    await expect(initialize(await initializeOptions({ ...change, dataFolder }))).rejects.toMatchObject({
      code,
      message,
    })
    await expect(stat(dataFolder)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('refuses a weak start-up secret', async () => {
    const options = await initializeOptions({ startupSecret: async () => 'secret' })
    await expect(initialize(options)).rejects.toMatchObject({
      code: 'refused-by-policy',
      message: 'the start-up secret is shorter than 14 characters',
    })
    expect(await readdir(options.dataFolder)).toEqual([])
  })
})
