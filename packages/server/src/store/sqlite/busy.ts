import { setTimeout as sleep } from 'node:timers/promises'
import { MailsealError } from '@mailseal/common'

const SQLITE_BUSY = 5
/** Milliseconds. Longer than any transaction of ours; a backup copies pages without a lock. */
const PATIENCE = 10_000
const FIRST_PAUSE = 2
const LONGEST_PAUSE = 50

/** The result code of SQLite behind an error (its low byte; the rest says more), or null if it is none. */
export function sqliteCode(thrown: unknown): number | null {
  if (!(thrown instanceof Error) || !('errcode' in thrown) || typeof thrown.errcode !== 'number') return null
  return thrown.errcode & 0xff
}

/**
 * Tries again, without blocking the process, while another one holds the database's lock.
 * (SQLite's own `busy_timeout` would freeze the event loop.)
 *
 * @param patience - Milliseconds.
 * @throws {@link MailsealError} `busy` once patience has run out.
 */
export async function untilFree<T>(attempt: () => T, patience = PATIENCE): Promise<T> {
  const deadline = performance.now() + patience
  for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
    try {
      return attempt()
    } catch (cause) {
      if (sqliteCode(cause) !== SQLITE_BUSY) throw cause
      if (performance.now() > deadline) {
        throw new MailsealError('busy', 'another program keeps the database locked', { cause })
      }
    }
    await sleep(pause * (0.5 + Math.random()))
  }
}
