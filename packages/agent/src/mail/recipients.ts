import { formatDate, MailsealError } from '@mailseal/common'
import { type EvaluatedCertificate, encryptionKeyOf, evaluateCertificate } from '@mailseal/common/certificate'
import { judgeRecipient, type RecipientVerdict } from '@mailseal/common/recipient'
import { type ListState, listShortage } from '@mailseal/common/verdict'
import type * as openpgp from 'openpgp'
import type { Context, Enrolled } from '../context.ts'
import { fetchByAddress } from '../directory.ts'
import { revocationsOf } from '../revocation-list.ts'
import { byUsableList, type Setting } from './setting.ts'

/** Somebody to write to. */
export interface Recipient {
  readonly verdict: RecipientVerdict
  /** To which mail for them is encrypted; null unless the verdict is good. */
  readonly key: openpgp.PublicSubkeyPacket | null
}

/** How many are asked for at the KM server at the same time. */
const AT_ONCE = 8

/**
 * Finds out for each address whether mail to it can be encrypted, in their order: by the own copy of the certificate
 * where it is good by the revocation list, else by the one that the KM server names.
 *
 * @throws {@link MailsealError} `revocation-list-missing`: without a list nobody's certificate can be trusted.
 */
export function findRecipients(
  context: Context,
  setting: Setting,
  addresses: readonly string[],
): Promise<readonly Recipient[]> {
  return byUsableList(context, setting, async (usable, list) => {
    assertList(usable, list)
    const found: Recipient[] = []
    for (let at = 0; at < addresses.length; at += AT_ONCE) {
      const some = addresses.slice(at, at + AT_ONCE)
      found.push(...(await Promise.all(some.map((address) => findRecipient(context, usable, address)))))
    }
    return found
  })
}

function assertList({ enrolled }: Setting, list: ListState): void {
  const shortage = listShortage({ list, listPolicy: enrolled.trust.document.listPolicy })
  if (shortage === null) return
  const fault =
    shortage === 'revocation-list-missing' ? 'there is no revocation list' : 'the revocation list is too old'
  throw new MailsealError('revocation-list-missing', `${fault}, so that nobody's certificate can be trusted`)
}

/** As {@link findRecipients}, for one and by whatever list there is: without one, `good` means nothing. */
export async function findRecipient(context: Context, setting: Setting, address: string): Promise<Recipient> {
  const copy = context.state.currentCertificate(address)
  const held = copy === null ? null : await judgeCopy(context, setting, address, copy.certificate)
  if (held?.verdict.status === 'good') return held
  return (await fetchRecipient(context, setting, address)) ?? held ?? unknownRecipient(address)
}

/** Judged by the certificate that the KM server names for the address; null if it names none or does not answer. */
async function fetchRecipient(context: Context, setting: Setting, address: string): Promise<Recipient | null> {
  if (!setting.isOnline) return null
  const fetched = await fetchByAddress(context, setting.enrolled, address)
  return fetched === null ? null : judgeCopy(context, setting, address, fetched.certificate)
}

async function judgeCopy(
  context: Context,
  { enrolled, held }: Setting,
  address: string,
  bytes: Uint8Array,
): Promise<Recipient | null> {
  const certificate = await evaluate(enrolled, bytes)
  if (certificate === null) return null
  const now = context.clock.now()
  const revocations = await revocationsOf(context, held, certificate)
  // Whatever ended the key's use, nothing is encrypted to it any more.
  const usedAt = Number.POSITIVE_INFINITY
  const verdict = judgeRecipient(certificate, { address, revocations, now, usedAt })
  if (verdict.status !== 'good') return { verdict, key: null }
  const key = await encryptionKeyOf(bytes, now)
  return key === null ? { verdict: { ...verdict, status: 'none', reason: 'no-encryption-key' }, key } : { verdict, key }
}

/** A copy of a certificate as it is known to be; null if it is none. */
export async function evaluate({ trust }: Enrolled, bytes: Uint8Array): Promise<EvaluatedCertificate | null> {
  try {
    return await evaluateCertificate(bytes, trust.authorities, trust.domains)
  } catch (error) {
    if (error instanceof MailsealError) return null
    throw error
  }
}

function unknownRecipient(address: string): Recipient {
  return { verdict: { address, status: 'none', serial: null, reason: 'no-certificate', since: null }, key: null }
}

/** Why mail to somebody can't be encrypted, in a few words. */
export function reasonText({ status, reason, since }: RecipientVerdict): string {
  const on = since === null ? '' : ` on ${formatDate(since)}`
  switch (status) {
    case 'good':
    case 'contact':
      return 'has a valid certificate'
    case 'revoked':
      return reason === 'replaced'
        ? `certificate was replaced${on}, and the new one is not known here`
        : `certificate was revoked${on}${reason === null ? '' : ` (${reason})`}`
    case 'expired':
      return `certificate expired${on}`
    case 'none':
      return NO_CERTIFICATE.get(reason ?? '') ?? 'no certificate'
  }
}

const NO_CERTIFICATE: ReadonlyMap<string, string> = new Map([
  ['uncertified', 'the certificate found is not certified by your organization'],
  ['mismatch', 'the certificate found is of another address'],
  ['no-encryption-key', 'the certificate has no key that mail can be encrypted to'],
])
