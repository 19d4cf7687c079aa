import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { run } from '../../../common/test/program/test-io.ts'
import { checkCredentials } from '../../src/administrators.ts'
import { init } from '../../src/commands/init.ts'
import { unlock } from '../../src/start-up/index.ts'
import { databasePath, openSqliteStore } from '../../src/store/sqlite/index.ts'
import { PASSWORD } from '../initialized.ts'
import { temporaryFolder } from '../store/back-ends.ts'

const REQUIRED = ['init', '--organization', 'Example Ltd', '--domain', 'example.org', '--administrator', 'anna']

async function workspace() {
  const folder = await temporaryFolder()
  const passwordFile = join(folder, 'password')
  await writeFile(passwordFile, `${PASSWORD}\n`)
  const data = join(folder, 'data')
  return { folder, data, passwordFile, words: [...REQUIRED, '--data', data, '--password-file', passwordFile] }
}

describe('mailseal-server init', () => {
  it('makes an organization that start can unlock, and says what to compare and to keep', async () => {
    const { data, words } = await workspace()
    const { code, out, err } = await run([init], words)
    expect(err).toBe('seal: making the keys of the organization\n')
    expect(code).toBe(0)
    const file = join(data, 'startup-secret')
    const fingerprint = /root fingerprint {2}([0-9a-f]{64})\n/.exec(out)?.[1]
    expect(out).toContain(`data folder       ${data}\n`)
    expect(out).toContain(`start-up secret   ${file}\n`)
    expect(out).toMatch(/Next: mailseal-server start\n$/)
    expect((await stat(data)).mode & 0o777).toBe(0o700)
    expect((await stat(file)).mode & 0o777).toBe(0o600)

    const store = await openSqliteStore(databasePath(data))
    const unlocked = await unlock(store, (await readFile(file, 'utf8')).trim())
    expect(unlocked.ca.fingerprint).toMatch(/^[0-9a-f]{40}$/)
    expect(await checkCredentials(store, [{ administrator: 'anna', password: PASSWORD }])).toHaveLength(1)
    await store.close()

    const again = await run([init], [...words, '--json'])
    expect(again.code).toBe(1)
    expect(JSON.parse(again.out)).toMatchObject({
      error: { code: 'already-exists', message: 'the KM server is initialized already' },
    })
    expect(fingerprint).toBeDefined()
  })

  it('answers scripts with one object, and puts the start-up secret where it was told', async () => {
    const { folder, data, passwordFile } = await workspace()
    const startupSecretFile = join(folder, 'elsewhere')
    const words = [...REQUIRED, '--domain', 'example.com', '--administrator-address', 'anna@example.org']
    const files = ['--password-file', passwordFile, '--startup-secret-file', startupSecretFile]
    const { code, out } = await run([init], [...words, ...files, '--json', '--quiet'], {
      env: { MAILSEAL_SERVER_DATA: data },
    })
    expect(code).toBe(0)
    expect(JSON.parse(out)).toEqual({
      organization: 'Example Ltd',
      domains: ['example.org', 'example.com'],
      rootFingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
      caFingerprint: expect.stringMatching(/^[0-9a-f]{40}$/),
      dataFolder: data,
      startupSecretFile,
    })
    expect(await readdir(data)).toEqual(['mailseal.sqlite'])
  })

  it('takes the start-up secret from systemd and makes no file of it', async () => {
    const { folder, data, words } = await workspace()
    await mkdir(join(folder, 'credentials'))
    await writeFile(join(folder, 'credentials', 'mailseal-startup-secret'), 'a secret that systemd keeps')
    const env = { CREDENTIALS_DIRECTORY: join(folder, 'credentials') }
    const { out } = await run([init], [...words, '--json'], { env })
    expect(JSON.parse(out)).toMatchObject({ startupSecretFile: null })
    expect(await readdir(data)).toEqual(['mailseal.sqlite'])
  })

  it('asks nobody where nobody is, and makes nothing', async () => {
    const { data } = await workspace()
    const { code, err } = await run([init], [...REQUIRED, '--data', data])
    expect(code).toBe(67)
    expect(err).toBe(
      'seal: error: nobody can be asked for the password of the administrator\n' +
        'seal: hint: give it with --password-file FILE\n',
    )
    await expect(stat(data)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('refuses a weak password and makes nothing, not even a start-up secret', async () => {
    const { data, passwordFile, words } = await workspace()
    await writeFile(passwordFile, 'Example Ltd anna')
    const { code, err } = await run([init], words)
    expect(code).toBe(108)
    expect(err).toContain("error: the administrator's password is made of names that everybody knows\n")
    await expect(stat(data)).rejects.toMatchObject({ code: 'ENOENT' })
  })
})
