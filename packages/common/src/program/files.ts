import { randomBytes } from 'node:crypto'
import { type FileHandle, mkdir, open, rename, stat, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { concat } from '../encoding.ts'
import { MailsealError } from '../errors.ts'
import type { Io } from './io.ts'

const NEVER_FOUND = new Set(['ENOENT', 'ENOTDIR'])

function codeOf(cause: unknown): string {
  return (cause as NodeJS.ErrnoException | undefined)?.code ?? 'unknown'
}

function readFailure(path: string, cause: unknown): MailsealError {
  if (cause instanceof MailsealError) return cause
  if (NEVER_FOUND.has(codeOf(cause))) return new MailsealError('not-found', `file "${path}" does not exist`, { cause })
  return new MailsealError('unreadable-file', `file "${path}" can't be read (${codeOf(cause)})`, { cause })
}

function writeFailure(path: string, cause: unknown): MailsealError {
  if (cause instanceof MailsealError) return cause
  if (codeOf(cause) === 'EEXIST') {
    const hint = 'choose another name, or move the old file away'
    return new MailsealError('already-exists', `file "${path}" exists already`, { hint, cause })
  }
  return new MailsealError('unwritable-file', `file "${path}" can't be written (${codeOf(cause)})`, { cause })
}

/** Reads no more than `limit` bytes, whatever the source says its length is: pipes and devices say nothing. */
async function readBounded(source: AsyncIterable<Uint8Array>, limit: number, label: string) {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of source) {
    length += chunk.length
    if (length > limit) throw new MailsealError('too-large', `${label} is larger than ${limit} bytes`)
    chunks.push(chunk)
  }
  return concat(...chunks)
}

async function withFile<T>(path: string, use: (file: FileHandle) => Promise<T>): Promise<T> {
  try {
    await using file = await open(path, 'r')
    return await use(file)
  } catch (cause) {
    throw readFailure(path, cause)
  }
}

const readHandle = (file: FileHandle, path: string, limit: number) =>
  readBounded(file.createReadStream({ autoClose: false, end: limit }), limit, `file "${path}"`)

/**
 * Reads a whole file.
 *
 * @param limit - Bytes.
 * @throws {@link MailsealError} `not-found`, `unreadable-file` or `too-large`.
 */
export function readFileBounded(path: string, limit: number): Promise<Uint8Array<ArrayBuffer>> {
  return withFile(path, (file) => readHandle(file, path, limit))
}

/**
 * Reads a file of secrets, which nobody but its owner may be able to read. (Windows says nothing about that here.)
 *
 * @throws {@link MailsealError} as {@link readFileBounded}, and `unreadable-file` if others can read it.
 */
export function readSecretFile(path: string, limit: number): Promise<Uint8Array<ArrayBuffer>> {
  return withFile(path, async (file) => {
    const { mode } = await file.stat()
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      const hint = `make it yours alone: chmod 600 "${path}"`
      throw new MailsealError('unreadable-file', `file "${path}" holds secrets and others can read it`, { hint })
    }
    return readHandle(file, path, limit)
  })
}

/**
 * Reads what a command works on: a file, or stdin for `-`.
 *
 * @param limit - Bytes.
 * @throws {@link MailsealError} as {@link readFileBounded}.
 */
export function readInput(io: Io, path: string, limit: number): Promise<Uint8Array<ArrayBuffer>> {
  return path === '-' ? readBounded(io.stdin, limit, 'the input') : readFileBounded(path, limit)
}

/** A new name lasts through a power failure only once its folder is synced. Windows can't open folders, and need not. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return
  await using folder = await open(path, 'r')
  await folder.sync()
}

/** Creates a file that did not exist, complete and synced; on any failure there is no file. */
async function createFile(path: string, bytes: Uint8Array, mode: number): Promise<void> {
  const file = await open(path, 'wx', mode)
  try {
    await file.writeFile(bytes)
    await file.sync()
  } catch (cause) {
    await unlink(path)
    throw cause
  } finally {
    await file.close()
  }
}

/**
 * Writes a secret into a new file that only its owner can read (0600), synced. Never overwrites anything.
 *
 * @throws {@link MailsealError} `already-exists` or `unwritable-file`; then nothing was left behind.
 */
export async function writeSecretFileExclusive(path: string, bytes: Uint8Array): Promise<void> {
  try {
    await createFile(path, bytes, 0o600)
    await syncFolder(dirname(path))
  } catch (cause) {
    throw writeFailure(path, cause)
  }
}

/**
 * Replaces a file or makes it, so that at any time, also after a power failure, the name stands for the whole old or
 * the whole new content.
 *
 * @param mode - Permissions of the new file, less the process's umask.
 * @throws {@link MailsealError} `unwritable-file`; then the old file is untouched and nothing was left behind.
 */
export async function writeFileAtomically(
  path: string,
  bytes: Uint8Array,
  { mode }: { readonly mode: number },
): Promise<void> {
  const folder = dirname(path)
  const temporary = join(folder, `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`)
  try {
    await createFile(temporary, bytes, mode)
    await renameOrRemove(temporary, path)
    await syncFolder(folder)
  } catch (cause) {
    throw writeFailure(path, cause)
  }
}

async function renameOrRemove(temporary: string, path: string): Promise<void> {
  try {
    await rename(temporary, path)
  } catch (cause) {
    await unlink(temporary)
    throw cause
  }
}

/**
 * Makes a folder that only its owner can enter (0700), and those above it that are missing. One that exists stays as
 * it is: it may be shared on purpose, and the files in it are closed by themselves.
 *
 * @throws {@link MailsealError} `unwritable-file`.
 */
export async function ensurePrivateFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 })
    if (!(await stat(path)).isDirectory()) throw new Error('not a folder')
  } catch (cause) {
    throw new MailsealError('unwritable-file', `folder "${path}" can't be made (${codeOf(cause)})`, { cause })
  }
}
