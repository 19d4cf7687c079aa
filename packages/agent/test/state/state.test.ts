import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { LIMITS } from '@mailseal/common'
import { parseCertificate } from '@mailseal/common/certificate'
import { describe, expect, it, onTestFinished } from 'vitest'
import { asStateError } from '../../src/state/database.ts'
import { MIGRATIONS } from '../../src/state/migrations.ts'
import { type Identity, openState } from '../../src/state/state.ts'
import { makeOrganization, NOW, temporaryFolder } from '../organization.ts'

const IDENTITY: Identity = {
  mailbox: 'ab'.repeat(16),
  address: 'alice@example.org',
  serial: '00000000000000a1',
  fingerprint: 'cd'.repeat(20),
  validFrom: NOW,
  validTo: NOW + 1000,
  server: 'https://mailseal.example.org',
  directoryToken: 'token',
}

async function newState() {
  const folder = await temporaryFolder()
  const path = join(folder, 'state.sqlite')
  const state = await openState(path)
  onTestFinished(() => state.close())
  return { folder, path, state }
}

/** With so many signatures over its User ID, of which those added are wrong: as anybody could stuff a copy on its way. */
async function stuffed(certificate: Uint8Array, signatures: number): Promise<Uint8Array> {
  const { bytes, userIdSignatures } = await parseCertificate(certificate)
  const last = Buffer.from(userIdSignatures.at(-1)?.write() ?? [])
  const packet = Buffer.concat([Buffer.of(0xc2, 192 + ((last.length - 192) >> 8), (last.length - 192) & 0xff), last])
  const end = Buffer.from(bytes).indexOf(packet) + packet.length
  const wrong = Array.from({ length: signatures - userIdSignatures.length }, (_, i) => {
    const copy = Buffer.from(packet)
    copy.writeUInt16BE(copy.readUInt16BE(copy.length - 2) ^ (i + 1), copy.length - 2)
    return copy
  })
  return Buffer.concat([bytes.subarray(0, end), ...wrong, bytes.subarray(end)])
}

describe('the state', () => {
  it('is empty at first, and remembers', async () => {
    const { path, state } = await newState()
    expect([state.identity(), state.authority(), state.listMemory(), state.certificateCount()]).toEqual([
      null,
      null,
      null,
      0,
    ])
    const { document } = await makeOrganization()
    const memory = { number: NOW, hash: new Uint8Array(32).fill(7), etag: '"a"' }
    await state.exclusively(async (writer) => {
      writer.setIdentity(IDENTITY)
      writer.keepAuthority(document)
      writer.setListMemory(memory)
    })
    const again = await openState(path)
    onTestFinished(() => again.close())
    expect(again.identity()).toEqual(IDENTITY)
    expect(again.authority()?.rootFingerprint).toBe(document.rootFingerprint)
    expect(again.listMemory()).toEqual(memory)
  })

  it('is for its owner alone', async () => {
    const { folder, state } = await newState()
    await state.exclusively(async (writer) => writer.setIdentity(IDENTITY))
    const names = await readdir(folder)
    expect(names.length).toBeGreaterThan(1)
    for (const name of names) expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600)
  })

  it('changes in full or not at all', async () => {
    const { state } = await newState()
    const failing = state.exclusively(async (writer) => {
      writer.setIdentity(IDENTITY)
      throw new RangeError('in the middle')
    })
    await expect(failing).rejects.toThrow('in the middle')
    expect(state.identity()).toBeNull()
    await state.exclusively(async (writer) => writer.setIdentity(IDENTITY))
    expect(state.identity()).toEqual(IDENTITY)
  })

  it('never takes another root, an older document, or two forms of one version', async () => {
    const { state } = await newState()
    const { document } = await makeOrganization()
    const other = await makeOrganization()
    await state.exclusively(async (writer) => writer.keepAuthority(document))
    await state.exclusively(async (writer) => writer.keepAuthority(document))
    const foreign = state.exclusively(async (writer) => writer.keepAuthority(other.document))
    await expect(foreign).rejects.toMatchObject({
      code: 'untrusted',
      message: 'the authority document is signed by another root than the one pinned',
    })
    expect(state.authority()?.rootFingerprint).toBe(document.rootFingerprint)
  })

  it('knows the current certificate of an address, and old ones by fingerprint', async () => {
    const { state } = await newState()
    const row = (fingerprint: string, fetched: number) => ({
      fingerprint,
      address: 'bob@example.org',
      certificate: new Uint8Array([fetched]),
      fetched,
    })
    await state.exclusively(async (writer) => {
      await writer.keepCertificate(row('aa', 1), true)
      await writer.keepCertificate(row('bb', 2), true)
      await writer.keepCertificate(row('bb', 3), false)
      await writer.keepCertificate(row('cc', 4), false)
    })
    const held = state.certificatesOf('bob@example.org').map(({ fingerprint }) => fingerprint)
    expect(held).toEqual(['bb', 'cc', 'aa'])
    expect(state.certificatesOf('alice@example.org')).toEqual([])
    expect(state.currentCertificate('bob@example.org')).toEqual(row('bb', 3))
    expect(state.certificate('aa')).toEqual(row('aa', 1))
    expect(state.certificate('dd')).toBeNull()
    expect(state.certificateCount()).toBe(3)
  })

  it('keeps every signature of two copies of a certificate, whichever came first', async () => {
    const organization = await makeOrganization()
    const issued = await organization.issue('bob@example.org')
    const { fingerprint } = issued.key
    const revoked = await organization.ended({ ...issued, certificate: issued.key.certificate }, 'compromised')
    for (const copies of [
      [issued.certificate, revoked],
      [revoked, issued.certificate],
    ]) {
      const { state } = await newState()
      for (const certificate of copies) {
        const row = { fingerprint, address: issued.address, certificate, fetched: NOW }
        await state.exclusively((writer) => writer.keepCertificate(row, true))
      }
      const kept = await parseCertificate(state.certificate(fingerprint)?.certificate ?? new Uint8Array())
      const counts = [kept.primarySignatures, kept.userIdSignatures, kept.subkeySignatures].map(({ length }) => length)
      expect(counts).toEqual([1, 3, 2])
    }
  })

  it('loses no true signature to a copy that is stuffed with wrong ones', async () => {
    const organization = await makeOrganization()
    const issued = await organization.issue('bob@example.org')
    const { fingerprint } = issued.key
    const { state } = await newState()
    const ended = await organization.ended(issued, 'compromised')
    const full = await stuffed(issued.certificate, LIMITS.certificateSignatures)
    await state.exclusively(async (writer) => {
      writer.keepAuthority(organization.document)
      for (const certificate of [ended, full]) {
        await writer.keepCertificate({ fingerprint, address: issued.address, certificate, fetched: NOW }, true)
      }
    })
    const kept = await parseCertificate(state.certificate(fingerprint)?.certificate ?? new Uint8Array())
    const counts = [kept.primarySignatures, kept.userIdSignatures, kept.subkeySignatures].map(({ length }) => length)
    expect(counts).toEqual([1, 3, 2])
  })

  it('remembers for ever that a key was revoked: the earlier time, and a reason harder than replaced', async () => {
    const { state } = await newState()
    const revoked = (reason: string, at: number) => ({ fingerprint: 'aa', reason, at })
    const remember = (reason: string, at: number) =>
      state.exclusively(async (writer) => writer.rememberRevoked(revoked(reason, at)))
    expect(state.revokedKey('aa')).toBeNull()
    await remember('replaced', 20)
    expect(state.revokedKey('aa')).toEqual(revoked('replaced', 20))
    await remember('left', 30)
    expect(state.revokedKey('aa')).toEqual(revoked('left', 20))
    await remember('compromised', 10)
    expect(state.revokedKey('aa')).toEqual(revoked('left', 10))
    await remember('replaced', 15)
    expect(state.revokedKey('aa')).toEqual(revoked('left', 10))
  })

  it('remembers certificates for the own address that are not ours, until they are acknowledged or turn out ours', async () => {
    const { state } = await newState()
    const row = (fingerprint: string, address = IDENTITY.address) => ({
      ...{ fingerprint, address, certificate: new Uint8Array([1]), fetched: NOW },
    })
    await state.exclusively(async (writer) => {
      writer.setIdentity(IDENTITY)
      await writer.keepCertificate(row(IDENTITY.fingerprint), true)
      await writer.keepCertificate(row('aa'), true)
      await writer.keepCertificate(row('bb'), true)
      // Another's, and one that the directory does not name: a mailbox before ours may have had it.
      await writer.keepCertificate(row('cc', 'bob@example.org'), true)
      await writer.keepCertificate(row('dd'), false)
      // Also with ours in its place again.
      await writer.keepCertificate(row(IDENTITY.fingerprint), true)
    })
    expect(state.foreignCertificates()).toEqual(['aa', 'bb'])
    await state.exclusively(async (writer) => {
      expect(writer.acknowledgeForeign('aa')).toBe(true)
      expect(writer.acknowledgeForeign('dd')).toBe(false)
      await writer.keepCertificate(row('aa'), true)
    })
    expect(state.foreignCertificates()).toEqual(['bb'])
    await state.exclusively(async (writer) => writer.keepOwnKeys(['bb']))
    expect([state.isOwnKey('bb'), state.isOwnKey('aa'), state.foreignCertificates()]).toEqual([true, false, []])
  })

  it('of the first version is brought on, with what was foreign then', async () => {
    const path = join(await temporaryFolder(), 'state.sqlite')
    const database = new DatabaseSync(path)
    database.exec(`${MIGRATIONS[0]}; PRAGMA user_version = 1`)
    const { mailbox, address, serial, fingerprint, validFrom, validTo, server, directoryToken } = IDENTITY
    database
      .prepare('INSERT INTO identity VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)')
      .run(mailbox, address, serial, fingerprint, validFrom, validTo, server, directoryToken)
    const insert = database.prepare('INSERT INTO certificates VALUES (?, ?, ?, ?, ?)')
    insert.run(fingerprint, address, new Uint8Array([1]), NOW, 0)
    insert.run('aa', address, new Uint8Array([2]), NOW, 1)
    insert.run('bb', 'bob@example.org', new Uint8Array([3]), NOW, 1)
    database.close()
    const state = await openState(path)
    onTestFinished(() => state.close())
    expect(state.identity()).toEqual(IDENTITY)
    expect([state.isOwnKey(fingerprint), state.isOwnKey('aa')]).toEqual([true, false])
    expect(state.foreignCertificates()).toEqual(['aa'])
  })

  it('waits for the write lock of another process', async () => {
    const { path, state } = await newState()
    const script = fileURLToPath(new URL('hold-lock.ts', import.meta.url))
    const child = spawn(process.execPath, [script, path], { stdio: ['pipe', 'pipe', 'inherit'] })
    const exited = once(child, 'exit')
    await once(child.stdout, 'data')
    let done = false
    const work = state.exclusively(async (writer) => {
      writer.setIdentity(IDENTITY)
      done = true
    })
    expect(state.identity()).toBeNull()
    expect(done).toBe(false)
    child.stdin.write('go\n')
    await work
    expect(state.identity()).toEqual(IDENTITY)
    await exited
  })

  it('of a newer version is refused and left alone', async () => {
    const path = join(await temporaryFolder(), 'state.sqlite')
    const database = new DatabaseSync(path)
    database.exec('PRAGMA user_version = 99')
    database.close()
    await expect(openState(path)).rejects.toMatchObject({
      code: 'unreadable-file',
      message: `file "${path}" is of a newer version of mailseal`,
    })
  })

  it('with damaged pages is refused when it is read', async () => {
    const path = join(await temporaryFolder(), 'state.sqlite')
    const state = await openState(path)
    await state.exclusively(async (writer) => writer.setIdentity(IDENTITY))
    state.close()
    const bytes = await readFile(path)
    await writeFile(path, bytes.fill(0xaa, 4096))
    const again = await openState(path)
    const damaged = { code: 'unreadable-file', message: `file "${path}" is damaged` }
    expect(() => again.identity()).toThrow(expect.objectContaining(damaged))
    await expect(again.exclusively(async (writer) => writer.setIdentity(IDENTITY))).rejects.toMatchObject(damaged)
    again.close()
  })

  it('that the disk has no room for, or that another process recovers, does not pass for damaged', async () => {
    const full = new DatabaseSync(':memory:')
    full.exec('CREATE TABLE a (b BLOB); PRAGMA max_page_count = 3')
    const insert = async () => full.exec('INSERT INTO a VALUES (randomblob(100000))')
    expect(asStateError('state', await insert().catch((error: unknown) => error))).toMatchObject({
      code: 'unwritable-file',
      message: 'file "state" can\'t be written: the disk is full',
    })
    full.close()
    // SQLITE_BUSY_RECOVERY: what the first of two finds after a crash.
    expect(asStateError('state', Object.assign(new Error(), { errcode: 261 }))).toMatchObject({ code: 'busy' })
    const stranger = new TypeError()
    expect(asStateError('state', stranger)).toBe(stranger)
  })

  it('that is no database is refused', async () => {
    const path = join(await temporaryFolder(), 'state.sqlite')
    await writeFile(path, 'x'.repeat(5000))
    await expect(openState(path)).rejects.toMatchObject({
      code: 'unreadable-file',
      message: `file "${path}" is damaged`,
    })
  })
})
