import { execFileSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  ensurePrivateFolder,
  readFileBounded,
  readInput,
  readSecretFile,
  writeFileAtomically,
  writeSecretFileExclusive,
} from '../../src/program/index.ts'
import { testIo } from './test-io.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mailseal-files-'))
})
afterEach(() => rm(folder, { recursive: true }))

const bytes = (text: string) => new TextEncoder().encode(text)
const modeOf = async (path: string) => (await stat(path)).mode & 0o777

test('a file is read up to its limit and not a byte further', async () => {
  const path = join(folder, 'f')
  await writeFile(path, '12345')
  expect(await readFileBounded(path, 5)).toEqual(bytes('12345'))
  await expect(readFileBounded(path, 4)).rejects.toMatchObject({
    ...{ code: 'too-large', message: `file "${path}" is larger than 4 bytes` },
  })
  await expect(readFileBounded('/dev/zero', 100_000)).rejects.toMatchObject({ code: 'too-large' })
})

test('a file that is missing or no file is named', async () => {
  const missing = join(folder, 'none')
  await expect(readFileBounded(missing, 9)).rejects.toMatchObject({
    ...{ code: 'not-found', message: `file "${missing}" does not exist` },
  })
  await expect(readFileBounded(folder, 9)).rejects.toMatchObject({
    ...{ code: 'unreadable-file', message: `file "${folder}" can't be read (EISDIR)` },
  })
})

test('the input is stdin for -, bounded like a file', async () => {
  expect(await readInput(testIo({ stdin: 'abc' }).io, '-', 3)).toEqual(bytes('abc'))
  await expect(readInput(testIo({ stdin: 'abc' }).io, '-', 2)).rejects.toMatchObject({
    ...{ code: 'too-large', message: 'the input is larger than 2 bytes' },
  })
  const path = join(folder, 'f')
  await writeFile(path, 'def')
  expect(await readInput(testIo({ stdin: 'abc' }).io, path, 3)).toEqual(bytes('def'))
})

test.each([0o640, 0o604, 0o620])('a secret file with mode %o is refused', async (mode) => {
  const path = join(folder, 's')
  await writeFile(path, 'x')
  await chmod(path, mode)
  await expect(readSecretFile(path, 9)).rejects.toMatchObject({
    ...{ code: 'unreadable-file', message: `file "${path}" holds secrets and others can read it` },
    hint: `make it yours alone: chmod 600 "${path}"`,
  })
  await chmod(path, 0o600)
  expect(await readSecretFile(path, 9)).toEqual(bytes('x'))
})

test('a secret file is created closed, whatever the umask, and never overwrites', async () => {
  const path = join(folder, 's')
  const before = process.umask(0)
  try {
    await writeSecretFileExclusive(path, bytes('first'))
  } finally {
    process.umask(before)
  }
  expect(await modeOf(path)).toBe(0o600)
  await expect(writeSecretFileExclusive(path, bytes('second'))).rejects.toMatchObject({
    ...{ code: 'already-exists', message: `file "${path}" exists already` },
  })
  expect(await readFile(path, 'utf8')).toBe('first')
  const lost = join(folder, 'none', 's')
  await expect(writeSecretFileExclusive(lost, bytes('x'))).rejects.toMatchObject({
    ...{ code: 'unwritable-file', message: `file "${lost}" can't be written (ENOENT)` },
  })
})

test('an atomic write replaces the file, with the mode asked for, and leaves nothing else', async () => {
  const path = join(folder, 'f')
  await writeFile(path, 'old', { mode: 0o644 })
  await writeFileAtomically(path, bytes('new'), { mode: 0o600 })
  expect([await readFile(path, 'utf8'), await modeOf(path), await readdir(folder)]).toEqual(['new', 0o600, ['f']])
})

test('a reader of an atomically written file sees the whole old or the whole new content', async () => {
  const path = join(folder, 'f')
  const contents = ['a', 'b'].map((letter) => letter.repeat(1_000_000))
  await writeFile(path, contents[0] ?? '')
  const writing = (async () => {
    for (let round = 0; round < 10; round++)
      await writeFileAtomically(path, bytes(contents[round % 2] ?? ''), { mode: 0o600 })
    return 'done'
  })()
  const seen = new Set<string>()
  while ((await Promise.race([writing, readFile(path, 'utf8').then((text) => seen.add(text))])) !== 'done');
  expect([...seen].every((text) => contents.includes(text))).toBe(true)
})

test('an atomic write that fails leaves neither a temporary file nor a harmed old one', async () => {
  const path = join(folder, 'taken')
  await mkdir(join(path, 'inner'), { recursive: true })
  await expect(writeFileAtomically(path, bytes('x'), { mode: 0o600 })).rejects.toMatchObject({
    ...{ code: 'unwritable-file', message: `file "${path}" can't be written (EISDIR)` },
  })
  expect([await readdir(folder), await readdir(path)]).toEqual([['taken'], ['inner']])
})

test('a write that the disk breaks off leaves neither file nor temporary file', () => {
  // A limit on file size is the full disk that every machine has.
  const script = `
    import { writeFileAtomically, writeSecretFileExclusive } from ${JSON.stringify(new URL('../../src/program/files.ts', import.meta.url).href)}
    process.on('SIGXFSZ', () => {})
    for (const write of [writeFileAtomically, writeSecretFileExclusive]) {
      await write(${JSON.stringify(join(folder, 'f'))}, new Uint8Array(100_000), { mode: 0o600 })
        .then(() => console.log('written'), (error) => console.log(error.code, error.message))
    }`
  const limited = ['-c', 'ulimit -f 8; exec "$@"', 'sh', process.execPath, '--input-type=module', '-e', script]
  const said = execFileSync('/bin/sh', limited, { encoding: 'utf8' })
  expect(said).toBe(`unwritable-file file "${join(folder, 'f')}" can't be written (EFBIG)\n`.repeat(2))
  return expect(readdir(folder)).resolves.toEqual([])
})

test('a private folder is made with those above it; one that exists stays as it is', async () => {
  const path = join(folder, 'a', 'b')
  await ensurePrivateFolder(path)
  expect([await modeOf(path), await modeOf(join(folder, 'a'))]).toEqual([0o700, 0o700])
  await chmod(path, 0o750)
  await ensurePrivateFolder(path)
  expect(await modeOf(path)).toBe(0o750)
  const file = join(folder, 'f')
  await writeFile(file, '')
  await expect(ensurePrivateFolder(file)).rejects.toMatchObject({
    ...{ code: 'unwritable-file', message: `folder "${file}" can't be made (EEXIST)` },
  })
})
