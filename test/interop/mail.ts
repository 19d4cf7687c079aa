import { concat, utf8 } from '@mailseal/common'
import { parseMime } from '@mailseal/common/mime'
import { readEncrypted, readSigned } from '@mailseal/common/pgp-mime'

/** PGP/MIME as RFC 3156 writes it, around what other programs encrypted or signed, and what is in such messages. */

const lines = (...parts: readonly string[]) => utf8(parts.join('\r\n'))

/** @param header - Lines that end in CRLF. */
export function encryptedMessage(header: string, armor: string): Uint8Array<ArrayBuffer> {
  return lines(
    `${header}MIME-Version: 1.0`,
    'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary="sealed"',
    '',
    '--sealed',
    'Content-Type: application/pgp-encrypted',
    '',
    'Version: 1',
    '',
    '--sealed',
    'Content-Type: application/octet-stream; name="encrypted.asc"',
    '',
    armor,
    '--sealed--',
    '',
  )
}

/**
 * @param header - Lines that end in CRLF.
 * @param entity - Exactly what was signed, with its MIME header.
 */
export function signedMessage(header: string, entity: Uint8Array, signature: string): Uint8Array<ArrayBuffer> {
  const type = 'multipart/signed; protocol="application/pgp-signature"; micalg=pgp-sha512; boundary="signed"'
  return concat(
    lines(`${header}MIME-Version: 1.0`, `Content-Type: ${type}`, '', '--signed', ''),
    entity,
    lines(
      '',
      '--signed',
      'Content-Type: application/pgp-signature; name="signature.asc"',
      '',
      signature,
      '--signed--',
      '',
    ),
  )
}

/** The OpenPGP message in a PGP/MIME message. */
export function sealedIn(message: Uint8Array): Uint8Array {
  const encrypted = readEncrypted(parseMime(message))
  if (encrypted === null) throw new TypeError('the message is not encrypted')
  return encrypted.sealed
}

/** The signed bytes of a PGP/MIME message, and the signature. */
export function signedIn(message: Uint8Array) {
  const signed = readSigned(message)
  if (signed === null) throw new TypeError('the message is not signed')
  return signed
}

export const withLf = (message: Uint8Array): Uint8Array<ArrayBuffer> =>
  utf8(new TextDecoder().decode(message).replaceAll('\r\n', '\n'))
