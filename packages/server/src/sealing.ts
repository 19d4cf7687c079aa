import { createCipheriv, createDecipheriv } from 'node:crypto'
import { concat, MailsealError, type Random, systemRandom, utf8 } from '@mailseal/common'

const VERSION = 1
const NONCE_LENGTH = 12
const TAG_LENGTH = 16

/** What AES-GCM authenticates beside the sealed bytes: nothing opens under another label. */
const associated = (label: string) => concat(new Uint8Array([VERSION]), utf8(label))

/**
 * Seals bytes at rest with AES-256-GCM: version, random nonce, ciphertext, tag.
 *
 * @param key - 32 bytes; for fewer than 2^32 seals in its life, which random nonces bear.
 * @param label - What it is and whose, such as `ca 41aa...`; needed again to open.
 */
export function seal(
  key: Uint8Array,
  label: string,
  plaintext: Uint8Array,
  random: Random = systemRandom,
): Uint8Array<ArrayBuffer> {
  const nonce = random(NONCE_LENGTH)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  cipher.setAAD(associated(label))
  return concat(new Uint8Array([VERSION]), nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag())
}

/**
 * Opens what {@link seal} made.
 *
 * @throws {@link MailsealError} `cannot-decrypt`, one text for every cause.
 */
export function open(key: Uint8Array, label: string, sealed: Uint8Array): Uint8Array<ArrayBuffer> {
  try {
    if (sealed[0] !== VERSION) throw new Error('other version')
    const nonce = sealed.subarray(1, 1 + NONCE_LENGTH)
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_LENGTH })
    decipher.setAAD(associated(label))
    decipher.setAuthTag(sealed.subarray(-TAG_LENGTH))
    return concat(decipher.update(sealed.subarray(1 + NONCE_LENGTH, -TAG_LENGTH)), decipher.final())
  } catch (cause) {
    throw new MailsealError('cannot-decrypt', 'a secret of the KM server cannot be opened', { cause })
  }
}
