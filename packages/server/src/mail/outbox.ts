import { readdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { asMailsealError, MailsealError, type Random, toHex } from '@mailseal/common'
import { ensurePrivateFolder, writeFileAtomically } from '@mailseal/common/program'
import type { Log } from '../log.ts'
import type { Store, Transaction } from '../store/store.ts'

/** Where messages lie while no mail server is set; each goes when the temporary key that it holds has ended. */
export interface Outbox {
  /**
   * Puts a message there.
   *
   * @param steps.recorded - Runs in the transaction that records the file, before there is one: a file that nobody
   *   would delete can't come into being.
   * @param steps.written - Runs in a transaction once the file lies there; if it fails, the file goes again.
   */
  put(message: OutboxMessage, steps: { recorded: Step; written: Step }): Promise<void>
  /** Removes the files whose temporary keys have ended. One that can't be removed is logged and tried again. */
  removeSpent(): Promise<void>
}

type Step = (tx: Transaction) => Promise<void>

export interface OutboxMessage {
  readonly address: string
  readonly pskId: Uint8Array
  readonly bytes: Uint8Array
}

/** Opens the outbox in a data folder; what a crash left half-written is removed. */
export async function openOutbox(options: {
  store: Store
  dataFolder: string
  random: Random
  log: Log
}): Promise<Outbox> {
  const { store, random, log } = options
  const folder = join(options.dataFolder, 'outbox')
  await ensurePrivateFolder(folder)
  for (const name of await readdir(folder)) if (name.endsWith('.tmp')) await remove(join(folder, name))

  // One after the other: a file that is just being written must not miss its removal.
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = last.then(work, work)
    last = turn
    return turn
  }

  const forget = async (name: string) => {
    await remove(join(folder, name))
    await store.transaction((tx) => tx.dropOutboxFile(name))
  }

  return {
    put: ({ address, pskId, bytes }, { recorded, written }) =>
      inTurn(async () => {
        const name = fileNameFor(address, random)
        await store.transaction(async (tx) => {
          await tx.addOutboxFile(name, pskId)
          await recorded(tx)
        })
        try {
          await writeFileAtomically(join(folder, name), bytes, { mode: 0o600 })
          await store.transaction(written)
        } catch (thrown) {
          await forget(name)
          throw thrown
        }
      }),
    removeSpent: () =>
      inTurn(async () => {
        for (const name of await store.read((reads) => reads.spentOutboxFiles())) {
          await forget(name).catch((thrown) => log(`outbox: ${asMailsealError(thrown).message}`))
        }
      }),
  }
}

/** The address, so that people find the file, as far as every file system takes it; and something that sets it apart. */
function fileNameFor(address: string, random: Random): string {
  return `${address.replace(/[^\w.@+-]/g, '_').slice(0, 100)}-${toHex(random(6))}.eml`
}

async function remove(path: string): Promise<void> {
  try {
    await unlink(path)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return
    throw new MailsealError('unwritable-file', `file "${path}" can't be removed`, { cause })
  }
}
