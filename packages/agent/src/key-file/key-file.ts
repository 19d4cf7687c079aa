import { equalBytes, LIMITS, MailsealError } from '@mailseal/common'
import type { Authority } from '@mailseal/common/authority'
import { readFileBounded, writeFileAtomically, writeSecretFileExclusive } from '@mailseal/common/program'
import { readIfPresent } from '../files.ts'
import { type KeyFileContent, readKeyFileContent, writeKeyFileContent } from './content.ts'
import { openWithPassword, type PasswordLock, sealWithLock } from './password-message.ts'

/** A key file that its password has opened. */
export interface OpenedKeyFile {
  readonly content: KeyFileContent
  /** The content's authority document. */
  readonly document: Authority
  readonly lock: PasswordLock
}

/**
 * Opens a key file.
 *
 * @param bytes - Attacker-controlled where it is a copy from elsewhere.
 * @param label - What it is called in messages.
 * @throws {@link MailsealError} `password-wrong`, `bad-data`, `too-large`, `untrusted`.
 */
export async function openKeyFile(bytes: Uint8Array, password: string, label: string): Promise<OpenedKeyFile> {
  if (bytes.length > LIMITS.keyFile)
    throw new MailsealError('too-large', `${label} is larger than ${LIMITS.keyFile} bytes`)
  const { content, lock } = await openWithPassword(bytes, password, label)
  const { document, ...read } = await readKeyFileContent(content)
  return { content: read, document, lock }
}

/**
 * Puts a new version in the key file's place, keeps the one before as `.previous`, and reads the new one back. The
 * caller holds the state's write lock.
 *
 * @returns The bytes that the file now has.
 * @throws {@link MailsealError} `unwritable-file`; then the old version is in place.
 */
export async function writeKeyFile(path: string, lock: PasswordLock, content: KeyFileContent): Promise<void> {
  await installKeyFile(path, await sealWithLock(lock, writeKeyFileContent(content)))
}

/** As {@link writeKeyFile}, for bytes that were opened before. */
export async function installKeyFile(path: string, bytes: Uint8Array): Promise<void> {
  const previous = await readIfPresent(path, LIMITS.keyFile)
  if (previous !== null) await writeFileAtomically(`${path}.previous`, previous, { mode: 0o600 })
  await writeFileAtomically(path, bytes, { mode: 0o600 })
  await assertWritten(path, bytes)
}

/**
 * Writes a copy into a new file.
 *
 * @throws {@link MailsealError} `already-exists` or `unwritable-file`.
 */
export async function copyKeyFile(from: string, to: string): Promise<void> {
  const bytes = await readFileBounded(from, LIMITS.keyFile)
  await writeSecretFileExclusive(to, bytes)
  await assertWritten(to, bytes)
}

async function assertWritten(path: string, bytes: Uint8Array): Promise<void> {
  const written = await readFileBounded(path, LIMITS.keyFile)
  if (!equalBytes(written, bytes)) {
    throw new MailsealError('unwritable-file', `file "${path}" does not hold what was written into it`)
  }
}
