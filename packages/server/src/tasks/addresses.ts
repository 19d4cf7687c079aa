import { domainOf, MailsealError } from '@mailseal/common'
import type { Reads } from '../store/store.ts'
import type { TaskContext } from './context.ts'

const DOMAINS_NAMED = 3

/** @throws {@link MailsealError} `refused-by-policy` for an address that is not of the organization's domains. */
export async function assertOwnDomain(context: TaskContext, reads: Reads, address: string): Promise<void> {
  const { domains } = await context.documents.newest(reads)
  if (domains.includes(domainOf(address))) return
  throw new MailsealError('refused-by-policy', `${domainOf(address)} is not a domain of this organization`, {
    hint: `an address here ends in ${endings(domains)}`,
  })
}

/** The first few: there may be more than a hint can hold. */
function endings(domains: readonly string[]): string {
  const named = domains.slice(0, DOMAINS_NAMED).map((domain) => `@${domain}`)
  const others = domains.length - named.length
  return [...named, ...(others > 0 ? [`in one of ${others} other domains`] : [])].join(' or ')
}

/** @throws {@link MailsealError} `already-exists`. */
export async function assertFree(reads: Reads, address: string): Promise<void> {
  const taken = await reads.mailboxByAddress(address)
  if (taken === null) return
  throw new MailsealError('already-exists', `${address} is there already; its status is ${taken.status}`, {
    hint: `see it: mailseal-admin status ${address}`,
  })
}
