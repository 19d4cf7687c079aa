import { createCipheriv, createDecipheriv } from 'node:crypto'
import { concat, utf8 } from './encoding.ts'

const LABEL = utf8('mailseal/1 history\n')
const NONCE_LENGTH = 12
const TAG_LENGTH = 16

/** Each piece has its place as its nonce: the key is a temporary key's own and seals one history. */
function nonceOf(index: number): Uint8Array<ArrayBuffer> {
  const nonce = new Uint8Array(NONCE_LENGTH)
  new DataView(nonce.buffer).setUint32(NONCE_LENGTH - 4, index)
  return nonce
}

/**
 * Seals a mailbox's recovered encryption subkeys under a temporary key, so that nobody but its holder opens them while
 * they wait for the enrollment (AES-256-GCM; docs/spec/enrollment.md, "History").
 *
 * @param historyKey - Of a temporary key just made; never for two histories.
 * @param subkeys - Bare secret subkey packets, oldest first.
 */
export function sealHistory(historyKey: Uint8Array, subkeys: readonly Uint8Array[]): Uint8Array<ArrayBuffer>[] {
  return subkeys.map((subkey, index) => {
    const cipher = createCipheriv('aes-256-gcm', historyKey, nonceOf(index))
    cipher.setAAD(LABEL)
    return concat(cipher.update(subkey), cipher.final(), cipher.getAuthTag())
  })
}

/**
 * Opens what {@link sealHistory} made, in its order. A piece that does not open is null: the others are worth having.
 *
 * @param sealed - Attacker-controlled.
 */
export function openHistory(historyKey: Uint8Array, sealed: readonly Uint8Array[]): (Uint8Array<ArrayBuffer> | null)[] {
  return sealed.map((piece, index) => openPiece(historyKey, piece, index))
}

function openPiece(historyKey: Uint8Array, piece: Uint8Array, index: number): Uint8Array<ArrayBuffer> | null {
  try {
    const decipher = createDecipheriv('aes-256-gcm', historyKey, nonceOf(index), { authTagLength: TAG_LENGTH })
    decipher.setAAD(LABEL)
    decipher.setAuthTag(piece.subarray(-TAG_LENGTH))
    return concat(decipher.update(piece.subarray(0, -TAG_LENGTH)), decipher.final())
  } catch {
    return null
  }
}
