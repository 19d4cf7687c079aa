import { createHmac } from 'node:crypto'
import { equalBytes, fromBase64url, toBase64url, utf8 } from '@mailseal/common'
import type { Unlocked } from './start-up/index.ts'

const LABEL = 'mailseal/1 directory token\n'

function macOf(unlocked: Pick<Unlocked, 'directoryTokenKey'>, mailboxId: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(
    createHmac('sha256', unlocked.directoryTokenKey)
      .update(utf8(LABEL + mailboxId))
      .digest(),
  )
}

/** The token that opens the whole directory to a mailbox's agents: its id and an HMAC. Nothing is stored. */
export function directoryTokenOf(unlocked: Pick<Unlocked, 'directoryTokenKey'>, mailboxId: string): string {
  return `${mailboxId}.${toBase64url(macOf(unlocked, mailboxId))}`
}

/**
 * Whose token it is; whether that mailbox may still read is for the caller.
 *
 * @param token - Attacker-controlled.
 * @returns The mailbox's id; null if the token is none of ours.
 */
export function readDirectoryToken(unlocked: Pick<Unlocked, 'directoryTokenKey'>, token: string): string | null {
  const parts = /^([0-9a-f]{32})\.([\w-]{43})$/.exec(token)
  const [, mailboxId, mac] = parts ?? []
  if (mailboxId === undefined || mac === undefined) return null
  try {
    return equalBytes(fromBase64url(mac, 'token'), macOf(unlocked, mailboxId)) ? mailboxId : null
  } catch {
    return null
  }
}
