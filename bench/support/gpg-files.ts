import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Gnupg } from '../../test/support/gnupg.ts'

/** Says what it did for scripts, trusts every certificate, and looks into nothing else. */
const PLAIN = ['--status-fd', '1', '--trust-model', 'always', '--no-auto-check-trustdb']

/** Puts each content into a file of its own. @returns The files' paths. */
export async function writeFiles(folder: string, ending: string, contents: readonly Uint8Array[]): Promise<string[]> {
  await mkdir(folder)
  const paths = contents.map((_, index) => join(folder, `${index + 1}.${ending}`))
  for (const [index, content] of contents.entries()) await writeFile(paths[index] as string, content)
  return paths
}

/** @throws Error if gpg fails, or does not say `expected` so many times. */
export async function runGpg(gpg: Gnupg, args: readonly string[], expected: string, times: number): Promise<void> {
  const { exitCode, stdout, stderr } = await gpg([...PLAIN, ...args])
  const said = stdout.split('\n').filter((line) => line.startsWith(`[GNUPG:] ${expected}`)).length
  if (exitCode === 0 && said === times) return
  throw new Error(`gpg said ${expected} ${said} times instead of ${times}, exit code ${exitCode}\n${stderr}`)
}

/** @throws Error if gpg does not take it. */
export async function importKeys(gpg: Gnupg, ...keys: readonly Uint8Array[]): Promise<void> {
  for (const key of keys) {
    const { exitCode, stderr } = await gpg(['--import'], key)
    if (exitCode !== 0) throw new Error(stderr)
  }
}
