import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemRandom } from '@mailseal/common'
import type { Ask } from '@mailseal/common/program'
import { describe, expect, it } from 'vitest'
import { findStartupSecret, prepareStartupSecret } from '../../src/start-up/index.ts'
import { temporaryFolder } from '../store/back-ends.ts'

/** A person who answers one question. */
function person(answer: string) {
  const refuse = () => Promise.reject(new Error('nobody asks this'))
  const questions: string[] = []
  const ask: Ask = {
    possible: true,
    async password({ message }) {
      questions.push(message)
      return answer
    },
    newPassword: refuse,
    confirm: refuse,
    input: refuse,
    choose: refuse,
  }
  return { ask, questions }
}

async function places() {
  const folder = await temporaryFolder()
  const [dataFolder, credentials] = [join(folder, 'data'), join(folder, 'credentials')]
  await mkdir(dataFolder)
  await mkdir(credentials)
  const write = (path: string, secret: string, mode = 0o600) => writeFile(path, `${secret}\n`, { mode })
  return {
    dataFolder,
    file: join(folder, 'secret'),
    env: { CREDENTIALS_DIRECTORY: credentials },
    writeFile: (secret: string, mode?: number) => write(join(folder, 'secret'), secret, mode),
    // systemd's own mode.
    writeCredential: (secret: string) => write(join(credentials, 'mailseal-startup-secret'), secret, 0o440),
    writeData: (secret: string) => write(join(dataFolder, 'startup-secret'), secret),
  }
}

describe('start-up secret', () => {
  it('comes from the file given, else systemd, else the data folder, else a person', async () => {
    const { dataFolder, env, file, ...write } = await places()
    const { ask, questions } = person('asked')
    expect(await findStartupSecret({ dataFolder, env: {} }, ask)).toBe('asked')
    expect(await findStartupSecret({ dataFolder, env }, ask)).toBe('asked')
    expect(questions).toEqual(['Start-up secret', 'Start-up secret'])
    await write.writeData('data')
    expect(await findStartupSecret({ dataFolder, env }, ask)).toBe('data')
    await write.writeCredential('systemd')
    expect(await findStartupSecret({ dataFolder, env }, ask)).toBe('systemd')
    await write.writeFile('file')
    expect(await findStartupSecret({ dataFolder, env, file }, ask)).toBe('file')
  })

  it('is not looked for elsewhere when a file is given', async () => {
    const { dataFolder, env, file, writeData } = await places()
    await writeData('data')
    await expect(findStartupSecret({ dataFolder, env, file }, person('asked').ask)).rejects.toMatchObject({
      code: 'not-found',
      message: `file "${file}" does not exist`,
    })
  })

  it('is refused in a file that others can read, or that is empty', async () => {
    const { dataFolder, env, file, ...write } = await places()
    await write.writeFile('secret', 0o600)
    await chmod(file, 0o640)
    await expect(findStartupSecret({ dataFolder, env, file }, person('').ask)).rejects.toMatchObject({
      code: 'unreadable-file',
      message: `file "${file}" holds secrets and others can read it`,
    })
    await write.writeData('')
    await expect(findStartupSecret({ dataFolder, env }, person('').ask)).rejects.toMatchObject({
      code: 'usage',
      message: `start-up secret in file "${dataFolder}/startup-secret" is empty`,
    })
  })

  it('is made once, at random, where nobody else can read it', async () => {
    const { dataFolder, env, file } = await places()
    for (const source of [
      { dataFolder, env, file },
      { dataFolder, env },
    ]) {
      const made = await prepareStartupSecret(source, systemRandom)
      const path = source.file ?? join(dataFolder, 'startup-secret')
      expect(made).toEqual({ secret: expect.stringMatching(/^[\w-]{43}$/), file: path })
      expect(await readFile(path, 'utf8')).toBe(`${made.secret}\n`)
      expect((await stat(path)).mode & 0o777).toBe(0o600)
      expect(await prepareStartupSecret(source, systemRandom)).toEqual(made)
      expect(await findStartupSecret(source, person('').ask)).toBe(made.secret)
    }
  })

  it("is systemd's at init as well, and then in no file", async () => {
    const { dataFolder, env, writeCredential } = await places()
    await writeCredential('systemd')
    expect(await prepareStartupSecret({ dataFolder, env }, systemRandom)).toEqual({ secret: 'systemd', file: null })
    expect(await readdir(dataFolder)).toEqual([])
  })
})
