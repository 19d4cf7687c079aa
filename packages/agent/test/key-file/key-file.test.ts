import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { systemRandom } from '@mailseal/common'
import { describe, expect, it } from 'vitest'
import { setAside } from '../../src/files.ts'
import { copyKeyFile, openKeyFile, writeKeyFile } from '../../src/key-file/key-file.ts'
import { makeLock } from '../../src/key-file/password-message.ts'
import { makeOrganization, PASSWORD, temporaryFolder, writeKeyFileAt } from '../organization.ts'

const organization = await makeOrganization()
const alice = await organization.issue('alice@example.org')

describe('the key file', () => {
  it('is written for its owner alone, and the version before is kept', async () => {
    const folder = await temporaryFolder()
    const file = join(folder, 'mailseal.keyfile')
    const lock = await makeLock(PASSWORD, systemRandom)
    await writeKeyFile(file, lock, organization.content(alice))
    expect(await readdir(folder)).toEqual(['mailseal.keyfile'])
    const first = await readFile(file)
    await writeKeyFile(file, lock, { ...organization.content(alice), directoryToken: 'another' })
    expect((await readdir(folder)).sort()).toEqual(['mailseal.keyfile', 'mailseal.keyfile.previous'])
    expect(await readFile(`${file}.previous`)).toEqual(first)
    for (const name of await readdir(folder)) expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600)
    const { content } = await openKeyFile(await readFile(file), PASSWORD, 'the key file')
    expect(content.directoryToken).toBe('another')
  })

  it('holds no secret in the clear', async () => {
    const file = await writeKeyFileAt(join(await temporaryFolder(), 'a'), organization.content(alice))
    const bytes = await readFile(file, 'latin1')
    expect(bytes).not.toContain('alice')
    expect(bytes).not.toContain(Buffer.from(alice.key.secretKey).toString('base64url').slice(60, 90))
  })

  it('too large to be one is refused before its password is tried', async () => {
    await expect(openKeyFile(new Uint8Array(5 * 1024 * 1024), PASSWORD, 'the key file')).rejects.toMatchObject({
      code: 'too-large',
    })
  })

  it('is copied into a new file, byte for byte, for its owner alone', async () => {
    const folder = await temporaryFolder()
    const file = await writeKeyFileAt(join(folder, 'a'), organization.content(alice))
    const copy = join(folder, 'b')
    await copyKeyFile(file, copy)
    expect(await readFile(copy)).toEqual(await readFile(file))
    expect((await stat(copy)).mode & 0o777).toBe(0o600)
    await writeFile(copy, 'mine')
    await expect(copyKeyFile(file, copy)).rejects.toMatchObject({ code: 'already-exists' })
    expect(await readFile(copy, 'utf8')).toBe('mine')
  })

  it('set aside gets a name that nothing has', async () => {
    const file = join(await temporaryFolder(), 'a')
    for (const [content, name] of [
      ['one', `${file}.old`],
      ['two', `${file}.old.2`],
      ['three', `${file}.old.3`],
    ] as const) {
      await writeFile(file, content)
      expect(await setAside(file, 100)).toBe(name)
    }
    expect(await readFile(`${file}.old`, 'utf8')).toBe('one')
    expect(await readFile(`${file}.old.3`, 'utf8')).toBe('three')
    await expect(stat(file)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('survives kill -9 in the middle of a rewrite, whole', async () => {
    const folder = await temporaryFolder()
    const file = await writeKeyFileAt(join(folder, 'mailseal.keyfile'), organization.content(alice))
    const script = fileURLToPath(new URL('rewrite-forever.ts', import.meta.url))
    for (let round = 1; round <= 3; round++) {
      const child = spawn(process.execPath, [script, file, join(folder, 'state.sqlite'), PASSWORD])
      let rewrites = 0
      for await (const chunk of child.stdout) {
        rewrites += (chunk as Buffer).length
        if (rewrites >= 3 * round) break
      }
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      expect(child.signalCode).toBe('SIGKILL')
      for (const name of [file, `${file}.previous`]) {
        const { content } = await openKeyFile(await readFile(name), PASSWORD, 'the key file')
        expect(content.keys[0]?.fingerprint).toBe(alice.key.fingerprint)
      }
    }
  })
})
