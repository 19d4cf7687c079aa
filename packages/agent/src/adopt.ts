import { MailsealError } from '@mailseal/common'
import { type EvaluatedCertificate, evaluateCertificate } from '@mailseal/common/certificate'
import type { Context, Enrolled } from './context.ts'
import { findCertificate } from './directory.ts'
import { newestCertification } from './key-file/use.ts'
import type { Identity } from './state/state.ts'

/**
 * Looks whether the own key was certified anew, on another computer or here with the answer lost, and makes the newest
 * certification this computer's. No key file changes.
 *
 * @returns Who we are from here on; the same as before where there is nothing newer or the server does not answer.
 */
export async function adoptNewest(context: Context, enrolled: Enrolled): Promise<Identity> {
  const { fingerprint } = enrolled.identity
  const bytes = await findCertificate(context, enrolled, { fingerprint, how: 'fresh', isOnline: true })
  if (bytes === null) return enrolled.identity
  const certificate = await evaluated(enrolled, bytes)
  return certificate === null ? enrolled.identity : adopt(context, enrolled, certificate, bytes)
}

async function evaluated({ trust }: Enrolled, bytes: Uint8Array): Promise<EvaluatedCertificate | null> {
  try {
    return await evaluateCertificate(bytes, trust.authorities, trust.domains)
  } catch (error) {
    if (error instanceof MailsealError) return null
    throw error
  }
}

/**
 * Keeps a copy of the own certificate, and its newest certification as ours if that begins later than ours.
 *
 * @param certificate - Evaluated from `bytes`; may turn out to be another's.
 */
export function adopt(
  { state, clock }: Context,
  { identity }: Enrolled,
  certificate: EvaluatedCertificate,
  bytes: Uint8Array,
): Promise<Identity> {
  const { fingerprint, address } = identity
  return state.exclusively(async (writer) => {
    const held = writer.identity() ?? identity
    if (certificate.fingerprint !== fingerprint || certificate.address !== address) return held
    await writer.keepCertificate({ fingerprint, address, certificate: bytes, fetched: clock.now() }, false)
    const newest = certificate.certifications.reduce(
      (last, { serial, validFrom, validTo }) => newestCertification(last, { ...identity, serial, validFrom, validTo }),
      held,
    )
    if (newest.serial !== held.serial) writer.setIdentity(newest)
    return newest
  })
}
