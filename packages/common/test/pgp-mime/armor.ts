import { systemRandom } from '../../src/clock.ts'
import { utf8 } from '../../src/encoding.ts'
import { composeSigned } from '../../src/pgp-mime/index.ts'

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
