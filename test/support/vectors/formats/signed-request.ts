import { asText, toBase64url } from '@mailseal/common'
import { parseCertificate, readPrimarySecret } from '@mailseal/common/certificate'
import { signUserRequest, type UserRequestContent, verifyUserRequest } from '@mailseal/common/signed-request'
import type { Format } from '../format.ts'

/** A user's signed request at the KM server, which finds the certificate by the serial number in it. */
export const signedRequest: Format = {
  name: 'signed-request',
  inputs: ['certificate', 'domains', 'signature'],
  results: ['purpose'],
  makings: ['secret-key'],
  async read(given) {
    const { primary } = await parseCertificate(given.bytes('certificate'))
    const signed = { request: given.body, signature: given.bytes('signature') }
    const { purpose } = await verifyUserRequest(primary, given.list('domains'), signed)
    return { purpose }
  },
  async write(given) {
    type Written = UserRequestContent & { format: string }
    const { format: _, ...content } = JSON.parse(asText(given.body, 'the request')) as Written
    const primary = await readPrimarySecret(given.bytes('secret-key'))
    const [domain = ''] = given.list('domains')
    const made = await signUserRequest(primary, domain, content as UserRequestContent)
    return { body: made.request, headers: { signature: toBase64url(made.signature) } }
  },
}
