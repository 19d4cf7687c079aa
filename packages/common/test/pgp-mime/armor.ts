import * as openpgp from 'openpgp'
import { armored, unarmored } from '../../src/certificate/message-armor.ts'
import { systemRandom } from '../../src/clock.ts'
import { concat, utf8 } from '../../src/encoding.ts'
import { parseMime } from '../../src/mime/index.ts'
import { composeEncrypted, composeSigned, readEncrypted } from '../../src/pgp-mime/index.ts'

/** The form of a signature; what it says is not looked at where messages are composed. */
export const ARMOR = '-----BEGIN PGP SIGNATURE-----\n\nwnUEABYKAB0FAmVh\n=abcd\n-----END PGP SIGNATURE-----\n'

/** Composes a message and keeps the bytes that were given to be signed. */
export async function compose(message: string | Uint8Array) {
  let signedBytes = new Uint8Array()
  const composed = await composeSigned({
    message: typeof message === 'string' ? utf8(message) : message,
    sign: async (bytes) => {
      signedBytes = Uint8Array.from(bytes)
      return ARMOR
    },
    micalg: 'pgp-sha512',
    random: systemRandom,
  })
  return {
    composed,
    signedBytes,
    composedText: Buffer.from(composed).toString(),
    signedText: Buffer.from(signedBytes).toString(),
  }
}

const { message: MESSAGE } = openpgp.enums.armor

/** Composes an encrypted message with an envelope that everybody can open, and reads it back. */
export async function composeSealed(message: string | Uint8Array) {
  let payload = new Uint8Array()
  const composed = await composeEncrypted({
    message: typeof message === 'string' ? utf8(message) : message,
    seal: async (bytes) => {
      payload = Uint8Array.from(bytes)
      // The first byte of a packet, as armor without it is taken for text.
      return armored(MESSAGE, concat(Uint8Array.of(0xcb), bytes))
    },
    random: systemRandom,
  })
  const read = readEncrypted(parseMime(composed))
  const opened = (await unarmored(read?.sealed ?? new Uint8Array(), MESSAGE)).subarray(1)
  return {
    composed,
    payload,
    read,
    opened,
    composedText: Buffer.from(composed).toString(),
    payloadText: Buffer.from(payload).toString(),
  }
}
