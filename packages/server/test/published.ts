import { type EvaluatedCertificate, evaluateCertificate, readAuthorityKey } from '@mailseal/common/certificate'
import { type CrlEntry, parseCrl } from '@mailseal/common/crl'
import { PATHS } from '@mailseal/common/rpc'
import type { Organization, User } from './organization.ts'

/** What stands on the revocation list that is out. */
export async function listEntries({ rpc }: Organization): Promise<CrlEntry[]> {
  const list = await rpc.getBytes(PATHS.crl, 10_000)
  return [...parseCrl(list?.bytes ?? new Uint8Array()).entries]
}

/** A certificate as it is published, by address or fingerprint. */
export async function certificateAt({ rpc }: Organization, name: string): Promise<Uint8Array> {
  const answer = await rpc.getBytes(PATHS.certificates + name, 100_000)
  return answer?.bytes ?? new Uint8Array()
}

/** What an agent that trusts this user's authority document makes of a certificate. */
export async function evaluated({ authority }: User, certificate: Uint8Array): Promise<EvaluatedCertificate> {
  const { authorities, domains } = authority
  const trusted = await Promise.all(
    authorities.map(async ({ fingerprint, certificate, state }) => ({
      fingerprint,
      key: await readAuthorityKey(certificate),
      state,
    })),
  )
  return evaluateCertificate(certificate, trusted, domains)
}
