import { MailsealError } from '@mailseal/common'
import { readSecretSubkey } from '@mailseal/common/certificate'
import { openHistory } from '@mailseal/common/history'
import type { Warning } from '../context.ts'

/** What came back from the archive. */
export interface RecoveredHistory {
  /** Bare secret subkey packets, oldest first. */
  readonly subkeys: readonly Uint8Array<ArrayBuffer>[]
  readonly warnings: readonly Warning[]
}

/**
 * Opens the encryption keys in an enrollment's reply. A damaged one costs no more than itself.
 *
 * @param historyKey - Of the temporary key; undefined for an enrollment that an older version began.
 * @param sealed - As in the reply, oldest first.
 */
export async function openRecovered(
  historyKey: Uint8Array | undefined,
  sealed: readonly Uint8Array[],
): Promise<RecoveredHistory> {
  const opened = historyKey === undefined ? [] : openHistory(historyKey, sealed)
  const usable = await Promise.all(
    opened.map(async (piece) => (piece !== null && (await isSubkey(piece)) ? piece : null)),
  )
  const subkeys = usable.filter((piece) => piece !== null)
  return { subkeys, warnings: warningsOf(sealed.length - subkeys.length, sealed.length) }
}

async function isSubkey(piece: Uint8Array): Promise<boolean> {
  try {
    await readSecretSubkey(piece)
    return true
  } catch (error) {
    if (error instanceof MailsealError) return false
    throw error
  }
}

function warningsOf(damaged: number, all: number): readonly Warning[] {
  if (damaged === 0) return []
  const message = `${damaged} of ${all} old encryption keys came back damaged: mail of their time does not open; ask your administrator to recover your key once more`
  return [{ code: 'history-damaged', message }]
}
