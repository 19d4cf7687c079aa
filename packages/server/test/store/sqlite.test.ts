import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, readFile, rmdir, stat, symlink, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { untilFree } from '../../src/store/sqlite/busy.ts'
import { openSqliteStore } from '../../src/store/sqlite/index.ts'
import { temporaryFolder } from './back-ends.ts'
import { answerRow, mailboxRow, NOW, temporaryKeyRow } from './rows.ts'

const CHILD = fileURLToPath(new URL('sqlite-child.ts', import.meta.url))

async function newDatabase() {
  const folder = await temporaryFolder()
  const path = join(folder, 'test.sqlite')
  const open = async () => {
    const store = await openSqliteStore(path, { create: true })
    onTestFinished(() => store.close())
    return store
  }
  return { folder, path, open }
}

function startChild(path: string, action: string): ChildProcess {
  const child = spawn(process.execPath, [CHILD, path, action], { stdio: ['pipe', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

const exited = async (child: ChildProcess) => (await once(child, 'exit'))[0] as number | null

describe('sqlite store', () => {
  it('makes files that only the owner can read', async () => {
    const { folder, open } = await newDatabase()
    const store = await open()
    await store.transaction((tx) => tx.putSetting('a', 'b'))
    const names = await readdir(folder)
    expect(names.sort()).toEqual(['test.sqlite', 'test.sqlite-shm', 'test.sqlite-wal'])
    for (const name of names) expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600)
    await store.close()
    expect(await readdir(folder)).toEqual(['test.sqlite'])
  })

  it('makes no database unless told to', async () => {
    const { folder, path } = await newDatabase()
    await expect(openSqliteStore(path)).rejects.toMatchObject({
      code: 'not-found',
      message: `there is no database "${path}"`,
      hint: expect.stringContaining('mailseal-server init'),
    })
    expect(await readdir(folder)).toEqual([])
  })

  it('refuses a file that is no database', async () => {
    const { path } = await newDatabase()
    await writeFile(path, 'SQLite? '.repeat(1000))
    await expect(openSqliteStore(path)).rejects.toMatchObject({
      code: 'bad-data',
      message: `file "${path}" is not a database of Mailseal`,
    })
  })

  it('says that it may not use a file, not that there is none', async () => {
    const { folder, path } = await newDatabase()
    const unusable = {
      code: 'unwritable-file',
      message: `database "${path}" can't be opened for reading and writing`,
      hint: 'run the KM server as the owner of its data folder, on a disk that can be written to',
    }
    await symlink(path, path)
    await expect(openSqliteStore(path)).rejects.toMatchObject(unusable)
    await unlink(path)
    await mkdir(path)
    await expect(openSqliteStore(path, { create: true })).rejects.toMatchObject(unusable)
    await rmdir(path)
    const store = await openSqliteStore(path, { create: true })
    await store.close()
    // What lies where the log has to be.
    await mkdir(join(folder, 'test.sqlite-wal'))
    await expect(openSqliteStore(path)).rejects.toMatchObject(unusable)
  })

  it('migrates an empty file once, also when two open it at the same time', async () => {
    const { path, open } = await newDatabase()
    await Promise.all([open(), open(), open()])
    const db = new DatabaseSync(path, { readOnly: true })
    onTestFinished(() => db.close())
    expect(db.prepare('select number, name from migrations').all()).toEqual([
      { number: 1, name: 'first' },
      { number: 2, name: 'recovery' },
    ])
  })

  it('refuses a database that a newer program has written', async () => {
    const { path, open } = await newDatabase()
    await (await open()).close()
    const db = new DatabaseSync(path)
    db.exec(`insert into migrations values (7, 'from the future', ${NOW})`)
    db.close()
    await expect(open()).rejects.toMatchObject({
      code: 'bad-data',
      message: 'the database has version 7; this program knows versions up to 2',
      hint: 'install a newer mailseal-server',
    })
  })

  it('loses nothing when several processes write at once', async () => {
    const { path, open } = await newDatabase()
    const store = await open()
    const children = [startChild(path, 'count to 200'), startChild(path, 'count to 200')]
    const mine = Array.from({ length: 200 }, () =>
      store.transaction(async (tx) => {
        const next = Number((await tx.setting('left')) ?? 0) + 1
        await tx.putSetting('left', String(next))
        await tx.putSetting('right', String(next))
      }),
    )
    expect(await Promise.all(children.map(exited))).toEqual([0, 0])
    await Promise.all(mine)
    expect(await store.read((reads) => reads.setting('left'))).toBe('600')
    expect(await store.read((reads) => reads.setting('right'))).toBe('600')
  })

  it('goes on with other work while another process holds the lock', async () => {
    const { path, open } = await newDatabase()
    const store = await open()
    const child = startChild(path, 'stop in the middle')
    await once(child.stdout as NodeJS.ReadableStream, 'data')
    let written = false
    const waiting = store.transaction(async (tx) => {
      written = true
      await tx.putSetting('left', 'mine')
    })
    for (let turn = 0; turn < 20; turn++) await store.read((reads) => reads.setting('left'))
    expect(written).toBe(false)
    child.stdin?.end('go on')
    expect(await exited(child)).toBe(0)
    await waiting
    expect(await store.read((reads) => reads.setting('left'))).toBe('mine')
  })

  it('gives up when the lock is held for too long', async () => {
    const { path, open } = await newDatabase()
    await open()
    const [holder, other] = [new DatabaseSync(path), new DatabaseSync(path)]
    onTestFinished(() => {
      holder.close()
      other.close()
    })
    holder.exec('begin immediate')
    await expect(untilFree(() => other.exec('begin immediate'), 20)).rejects.toMatchObject({
      code: 'busy',
      message: 'another program keeps the database locked',
    })
    holder.exec('rollback')
    await untilFree(() => other.exec('begin immediate'), 20)
  })

  it('undoes the transaction of a process killed in the middle', async () => {
    const { path, open } = await newDatabase()
    const store = await open()
    const child = startChild(path, 'stop in the middle')
    await once(child.stdout as NodeJS.ReadableStream, 'data')
    child.kill('SIGKILL')
    expect(await exited(child)).toBeNull()
    expect(await store.read((reads) => reads.setting('left'))).toBeNull()
    await store.transaction((tx) => tx.putSetting('left', 'free again'))
    expect(await store.read((reads) => reads.setting('left'))).toBe('free again')
  })

  it('keeps every committed transaction, whole, of a process killed at any time', async () => {
    for (const rounds of [1, 17, 40]) {
      const { path, open } = await newDatabase()
      await (await open()).close()
      const child = startChild(path, 'count for ever')
      let last = 0
      for await (const line of createInterface(child.stdout as NodeJS.ReadableStream)) {
        last = Number(line)
        if (last >= rounds) child.kill('SIGKILL')
      }
      const store = await open()
      const left = Number(await store.read((reads) => reads.setting('left')))
      expect(left).toBeGreaterThanOrEqual(last)
      expect(await store.read((reads) => reads.setting('right'))).toBe(String(left))
    }
  })

  it('leaves no bytes of an erased secret in the files, soon after and once closed', async () => {
    const { folder, open } = await newDatabase()
    const store = await open()
    const secret = Buffer.from('these sealed secrets must be gone, all of them')
    const mailbox = mailboxRow('a')
    const key = temporaryKeyRow(mailbox, 1, { sealedSecrets: secret })
    const holders = async () => {
      const found = await Promise.all(
        (await readdir(folder)).map(async (name) => {
          const content = await readFile(join(folder, name))
          return content.includes(secret) ? name : null
        }),
      )
      return found.filter((name) => name !== null)
    }
    await store.transaction(async (tx) => {
      await tx.addMailbox(mailbox)
      await tx.addTemporaryKey(key)
      for (const at of [1, 2, 3]) await tx.putTaskAnswer(answerRow(`task ${at}`, { sealedAnswer: secret, at }))
    })
    expect(await holders()).not.toEqual([])
    await store.transaction(async (tx) => {
      await tx.endTemporaryKey(key.pskId, 'used', NOW)
      await tx.eraseTaskAnswers(NOW)
    })
    await vi.waitFor(async () => expect(await holders()).toEqual([]), { timeout: 10_000 })
    await store.close()
    expect(await holders()).toEqual([])
  })

  it('empties the log once nobody reads it any more', async () => {
    const { path, open } = await newDatabase()
    const store = await open()
    await store.transaction((tx) => tx.putSetting('key', 'before'))
    const reader = new DatabaseSync(path, { readOnly: true })
    reader.exec('begin')
    reader.prepare('select * from settings').all()
    await store.transaction((tx) => tx.putSetting('key', 'after'))
    await sleep(1200)
    expect((await stat(`${path}-wal`)).size).toBeGreaterThan(0)
    reader.close()
    await vi.waitFor(async () => expect((await stat(`${path}-wal`)).size).toBe(0), { timeout: 10_000 })
  })

  it('prepares more different statements than it keeps', async () => {
    const { open } = await newDatabase()
    const store = await open()
    await store.transaction((tx) => tx.addMailbox(mailboxRow('a')))
    for (let length = 1; length <= 250; length++) {
      const addresses = Array.from({ length }, () => 'a@example.org')
      expect(await store.read((reads) => reads.mailboxViews({ addresses, limit: 2 }, NOW))).toHaveLength(1)
    }
  })

  it('refuses what it could not give back as it was', async () => {
    const { open } = await newDatabase()
    const store = await open()
    for (const version of [1.5, 2 ** 53, true as never]) {
      const add = store.transaction((tx) => tx.addMailbox(mailboxRow('a', { version })))
      await expect(add).rejects.toThrow(TypeError)
    }
  })
})
