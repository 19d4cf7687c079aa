import type * as openpgp from 'openpgp'
import { type Certificate, parseCertificate, writeCertificate } from './certificate.ts'
import { validToOf } from './dates.ts'
import { makeSignature, readPackets, SIGNATURE, seconds, writePackets } from './packets.ts'
import { assertOnly, type EnrollableCertificate } from './shape.ts'
import { bindingFields, selfSignatureFields } from './user-key.ts'

/** What a user signs to renew a certificate, each one binary signature packet. */
export interface Renewal {
  readonly selfSignature: Uint8Array
  readonly binding: Uint8Array
}

/** Keys expire so long after they were made, whenever they were renewed. */
function lifeOf(primary: openpgp.AnyKeyPacket, validFrom: number) {
  return { keyExpirationTime: validToOf(validFrom) - seconds(primary.created) }
}

/**
 * Signs the same key, User ID and subkey once more, for 18 months from `validFrom` on (DESIGN: renewal).
 *
 * @param primary - The certificate's own.
 * @param validFrom - Unix seconds: date of both signatures.
 */
export async function makeRenewal(
  primary: openpgp.SecretKeyPacket,
  certificate: Certificate,
  validFrom: number,
): Promise<{ selfSignature: Uint8Array<ArrayBuffer>; binding: Uint8Array<ArrayBuffer> }> {
  const { userIdPacket: userID, subkey } = certificate
  const life = lifeOf(primary, validFrom)
  const [named, bound] = [
    { key: primary, userID },
    { key: primary, bind: subkey },
  ]
  const selfSignature = await makeSignature(
    SIGNATURE.certPositive,
    primary,
    named,
    validFrom,
    selfSignatureFields(life),
  )
  const binding = await makeSignature(SIGNATURE.subkeyBinding, primary, bound, validFrom, bindingFields(life))
  return { selfSignature: writePackets(selfSignature), binding: writePackets(binding) }
}

/**
 * Accepts exactly what {@link makeRenewal} makes for this certificate and this date.
 *
 * @param renewal - Attacker-controlled.
 * @returns The certificate with the two signatures behind the others, ready to be certified.
 * @throws {@link MailsealError} `bad-data`, naming what differs.
 */
export async function asRenewedCertificate(
  certificate: Certificate,
  renewal: Renewal,
  validFrom: number,
): Promise<EnrollableCertificate> {
  const { primary, userIdPacket, subkey } = certificate
  const life = lifeOf(primary, validFrom)
  const selfSignature = await readPackets(renewal.selfSignature, 'the self-signature')
  await assertOnly(selfSignature, 'self-signature', SIGNATURE.certPositive, primary, validFrom, {
    data: { key: primary, userID: userIdPacket },
    fields: selfSignatureFields(life),
  })
  const binding = await readPackets(renewal.binding, 'the subkey binding')
  await assertOnly(binding, 'subkey binding', SIGNATURE.subkeyBinding, primary, validFrom, {
    data: { key: primary, bind: subkey },
    fields: bindingFields(life),
  })
  const bytes = writeCertificate({
    ...certificate,
    userIdSignatures: [...certificate.userIdSignatures, ...(selfSignature as openpgp.SignaturePacket[])],
    subkeySignatures: [...certificate.subkeySignatures, ...(binding as openpgp.SignaturePacket[])],
  })
  return { ...(await parseCertificate(bytes)), validFrom, validTo: validToOf(validFrom) }
}
