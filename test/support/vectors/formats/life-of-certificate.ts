import { toBase64url } from '@mailseal/common'
import {
  asRenewedCertificate,
  endCertificate,
  evaluateCertificate,
  makeRenewal,
  parseCertificate,
  readPrimarySecret,
  revokeCertification,
} from '@mailseal/common/certificate'
import type { Format, Given } from '../format.ts'
import { authoritiesOf, revocationsAsJson } from './certificate.ts'

/** A certificate, and the two signatures that renew it, at the KM server. */
export const renewal: Format = {
  name: 'renewal',
  inputs: ['self-signature', 'binding', 'valid-from'],
  results: ['renewed', 'valid-to'],
  makings: ['secret-key'],
  async read(given) {
    const signatures = { selfSignature: given.bytes('self-signature'), binding: given.bytes('binding') }
    const held = await parseCertificate(given.body)
    const { bytes, validTo } = await asRenewedCertificate(held, signatures, given.number('valid-from'))
    return { renewed: toBase64url(bytes), 'valid-to': String(validTo) }
  },
  async write(given) {
    const primary = await readPrimarySecret(given.bytes('secret-key'))
    const made = await makeRenewal(primary, await parseCertificate(given.body), given.number('valid-from'))
    return {
      headers: { 'self-signature': toBase64url(made.selfSignature), binding: toBase64url(made.binding) },
    }
  },
}

/** A certificate whose use ends: what the directory shows of it from then on. */
export const endOfUse: Format = {
  name: 'end-of-use',
  inputs: ['ca-secret-key', 'authorities', 'domains', 'serial', 'reason', 'at', 'key-revocation', 'subkey-revocation'],
  results: ['ended', 'revocations'],
  makings: [],
  async read(given) {
    const ended = await end(given, given.body)
    const { revocations } = await evaluateCertificate(ended, await authoritiesOf(given), given.list('domains'))
    return { ended: toBase64url(ended), revocations: revocationsAsJson(revocations) }
  },
  /** Ending once more adds nothing. */
  async write(given) {
    return { headers: { ended: toBase64url(await end(given, given.bytes('ended'))) } }
  },
}

async function end(given: Given, bytes: Uint8Array): Promise<Uint8Array> {
  const certificate = await parseCertificate(bytes)
  const [domain = ''] = given.list('domains')
  const options = { serial: given.text('serial'), domain, reason: given.text('reason'), at: given.number('at') }
  return endCertificate(certificate, {
    certificationRevocation: await revokeCertification(
      await readPrimarySecret(given.bytes('ca-secret-key')),
      certificate,
      options,
    ),
    subkeyRevocation: given.bytes('subkey-revocation'),
    keyRevocation: given.bytesOrNone('key-revocation'),
  })
}
