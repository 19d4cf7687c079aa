import type * as openpgp from 'openpgp'
import { type Certificate, mergeCertificates, writeCertificate } from './certificate.ts'
import { readPackets } from './packets.ts'

/** What is published of a certificate when its use ends (DESIGN: end of use). */
export interface EndOfUse {
  /** The CA's 0x30. */
  readonly certificationRevocation: openpgp.SignaturePacket
  /** The pre-made 0x28, binary: nobody encrypts to the subkey any more. */
  readonly subkeyRevocation: Uint8Array
  /** The pre-made 0x20, binary, where every signature is suspect; else null. */
  readonly keyRevocation: Uint8Array | null
}

/** A certificate with the revocations that end its use, each once however often they are added. */
export async function endCertificate(certificate: Certificate, end: EndOfUse): Promise<Uint8Array<ArrayBuffer>> {
  const signatures = async (bytes: Uint8Array, label: string) =>
    (await readPackets(bytes, label)) as openpgp.SignaturePacket[]
  const ended = writeCertificate({
    ...certificate,
    primarySignatures: end.keyRevocation === null ? [] : await signatures(end.keyRevocation, 'the key revocation'),
    userIdSignatures: [end.certificationRevocation],
    subkeySignatures: await signatures(end.subkeyRevocation, 'the subkey revocation'),
  })
  return mergeCertificates(certificate.bytes, ended)
}
