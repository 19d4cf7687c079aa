import { unlink } from 'node:fs/promises'
import { MailsealError } from '@mailseal/common'
import { readFileBounded, writeSecretFileExclusive } from '@mailseal/common/program'

/** A file's bytes, or null if there is none. */
export async function readIfPresent(path: string, limit: number): Promise<Uint8Array<ArrayBuffer> | null> {
  try {
    return await readFileBounded(path, limit)
  } catch (error) {
    if (error instanceof MailsealError && error.code === 'not-found') return null
    throw error
  }
}

/**
 * Moves a file that cannot be used out of the way, under a name that nothing has: `.old`, `.old.2` and so on.
 *
 * @param limit - Bytes that such a file has at most.
 * @returns The name that it has now.
 */
export async function setAside(path: string, limit: number): Promise<string> {
  const kept = await keepOld(path, limit)
  await unlink(path)
  return kept
}

async function keepOld(path: string, limit: number): Promise<string> {
  const bytes = await readFileBounded(path, limit)
  for (let number = 1; ; number++) {
    const name = number === 1 ? `${path}.old` : `${path}.old.${number}`
    try {
      await writeSecretFileExclusive(name, bytes)
      return name
    } catch (error) {
      if (!(error instanceof MailsealError) || error.code !== 'already-exists') throw error
    }
  }
}
