import { open } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { MailsealError } from '@mailseal/common'
import { sqliteCode } from './busy.ts'

const SQLITE_BUSY = 5

/**
 * Keeps other KM servers off a database until it is let go: each would publish revocation lists that the other does not
 * know. A lock of SQLite's on a file beside it, which ends with the process, however that ends.
 *
 * @throws {@link MailsealError} `busy` if another one has it.
 */
export async function holdDatabase(path: string): Promise<AsyncDisposable> {
  const file = `${path}.lock`
  await (await open(file, 'a', 0o600)).close()
  const lock = new DatabaseSync(file)
  try {
    lock.exec('begin exclusive')
  } catch (cause) {
    lock.close()
    if (sqliteCode(cause) !== SQLITE_BUSY) throw cause
    throw new MailsealError('busy', 'another KM server runs over this data folder', {
      hint: 'stop that one first, or choose another folder: --data DIR',
      cause,
    })
  }
  return { [Symbol.asyncDispose]: async () => lock.close() }
}
