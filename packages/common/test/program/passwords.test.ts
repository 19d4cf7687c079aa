import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { LIMITS } from '../../src/limits.ts'
import { parseCredentials, readCredentialsFile, readPasswordFile } from '../../src/program/index.ts'
import { testIo } from './test-io.ts'

let path: string
beforeEach(async () => {
  path = join(await mkdtemp(join(tmpdir(), 'mailseal-passwords-')), 'secret')
})
afterEach(() => rm(join(path, '..'), { recursive: true }))

const passwordOf = async (content: string | Uint8Array) => {
  await writeFile(path, content, { mode: 0o600 })
  return readPasswordFile(testIo().io, path)
}

test('a password also comes on stdin', async () => {
  const { io } = testIo({ stdin: 'correct horse\n' })
  expect(await readPasswordFile(io, '-')).toBe('correct horse')
})

test('a password file loses one line end and nothing else, and becomes NFC', async () => {
  expect(await passwordOf('correct horse\n')).toBe('correct horse')
  expect(await passwordOf('correct horse\r\n')).toBe('correct horse')
  expect(await passwordOf(' two lines\n\n')).toBe(' two lines\n')
  expect(await passwordOf('cafe\u0301')).toBe('caf\u00e9')
})

test('a password file that holds no password is refused without its content', async () => {
  const label = `password in file "${path}"`
  await expect(passwordOf('\n')).rejects.toMatchObject({ code: 'usage', message: `${label} is empty` })
  await expect(passwordOf('x'.repeat(LIMITS.passwordBytes + 1))).rejects.toMatchObject({
    ...{ code: 'usage', message: `${label} is longer than ${LIMITS.passwordBytes} bytes` },
  })
  await expect(passwordOf('x'.repeat(LIMITS.passwordBytes + 3))).rejects.toMatchObject({ code: 'too-large' })
  await expect(passwordOf(Uint8Array.of(0xff))).rejects.toMatchObject({
    code: 'bad-data',
    message: `${label} is not UTF-8`,
  })
  expect(await passwordOf(`${'x'.repeat(LIMITS.passwordBytes)}\r\n`)).toHaveLength(LIMITS.passwordBytes)
})

test('credentials: the password is everything after the first colon', () => {
  expect(parseCredentials('admin:a:b \r\n\nRene\u0301:c', 'file')).toEqual([
    { administrator: 'admin', password: 'a:b ' },
    { administrator: 'Ren\u00e9', password: 'c' },
  ])
})

test.each([
  ['a:b\nSECRET', 'file, line 2: no colon'],
  [':SECRET', 'file, line 1: no name before the colon'],
  ['SECRET:', 'file, line 1: no password after the colon'],
  ['a:SECRET\n\na:SECRET', 'file, line 3: name stands twice'],
  [`${'n'.repeat(65)}:SECRET`, 'file, line 1: name is too long'],
  ['\n', 'file: no names and passwords in it'],
  [Array.from({ length: 65 }, (_, index) => `n${index}:SECRET`).join('\n'), 'file: more than 64 names'],
])('credentials %j are refused by line, without their content', (text, message) => {
  const hint = 'write NAME:PASSWORD on each line'
  expect(() => parseCredentials(text, 'file')).toThrow(expect.objectContaining({ code: 'bad-data', message, hint }))
})

test('a credentials file that others can read is refused', async () => {
  await writeFile(path, 'admin:pw\n', { mode: 0o600 })
  expect(await readCredentialsFile(path)).toEqual([{ administrator: 'admin', password: 'pw' }])
  await rm(path)
  await writeFile(path, 'admin:pw\n', { mode: 0o644 })
  await expect(readCredentialsFile(path)).rejects.toMatchObject({
    ...{ code: 'unreadable-file', message: `file "${path}" holds secrets and others can read it` },
  })
})
