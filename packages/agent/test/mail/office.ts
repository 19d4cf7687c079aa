import { concat, systemRandom, utf8 } from '@mailseal/common'
import { encryptionKeyOf, readPrimarySecret, sealMessage } from '@mailseal/common/certificate'
import { type CrlEntry, dayOf, type RevocationReason } from '@mailseal/common/crl'
import { composeEncrypted } from '@mailseal/common/pgp-mime'
import { PATHS } from '@mailseal/common/rpc'
import { type Issued, NOW, published } from '../organization.ts'

/** The list's entry that revokes somebody. */
export function entryOf(
  { serial, key }: Issued,
  reason: RevocationReason = 'compromised',
  revokedAt = NOW - 60,
): CrlEntry {
  return { serial, revokedAt, expiryDay: dayOf(key.validTo), reason }
}

/** A KM server that has this list and, by address and by fingerprint, these certificates; the last of an address counts. */
export function office(list: Uint8Array | null, people: readonly Pick<Issued, 'address' | 'key' | 'certificate'>[]) {
  const certificates = people.flatMap(({ address, key, certificate }) => [
    [PATHS.certificates + encodeURIComponent(address), certificate],
    [PATHS.certificates + key.fingerprint, certificate],
  ])
  return published({ ...Object.fromEntries(certificates), [PATHS.crl]: () => list })
}

/** A letter in LF, as an editor writes it. */
export function written(fields: Readonly<Record<string, string>>, body = 'At noon?'): Uint8Array {
  const header = Object.entries({ From: 'Alice <alice@example.org>', Subject: 'Lunch', ...fields })
  return utf8(`${header.map(([name, value]) => `${name}: ${value}\n`).join('')}\n${body}\n`)
}

interface Sealing {
  readonly from?: Issued | null
  readonly to: readonly Issued[]
  readonly at?: number
}

/** Seals exactly these bytes, as any sender could. */
export async function sealed(content: Uint8Array | string, { from = null, to, at = NOW }: Sealing): Promise<string> {
  const keys = await Promise.all(to.map(({ certificate }) => encryptionKeyOf(certificate, at)))
  const signer = from === null ? null : await readPrimarySecret(from.key.secretKey)
  const recipients = keys.filter((key) => key !== null)
  return sealMessage(typeof content === 'string' ? utf8(content) : content, {
    recipients,
    signer,
    at,
    random: systemRandom,
  })
}

/** A message with protected headers, as any sender could make it. */
export function sealedLetter(message: Uint8Array, sealing: Sealing): Promise<Uint8Array<ArrayBuffer>> {
  return composeEncrypted({ message, seal: (payload) => sealed(payload, sealing), random: systemRandom })
}

/** A PGP/MIME message around an armored one, as programs make it that know nothing of protected headers. */
export function enveloped(
  armor: string,
  header = 'From: alice@example.org\r\nTo: bob@example.org\r\nSubject: Outside\r\n',
): Uint8Array {
  return concat(
    utf8(header),
    utf8('Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=b\r\n\r\n'),
    utf8('--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n'),
    utf8(`--b\r\nContent-Type: application/octet-stream\r\n\r\n${armor}\r\n--b--\r\n`),
  )
}
