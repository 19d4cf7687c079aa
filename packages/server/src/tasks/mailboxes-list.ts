import { asAddress, LIMITS, MailsealError } from '@mailseal/common'
import type { TaskParameters } from '@mailseal/common/rpc'
import type { MailboxQuery, Reads } from '../store/store.ts'
import type { TaskHandler } from './call.ts'

/** Shows a page of mailboxes in the order of their addresses. */
export const listMailboxes: TaskHandler<'mailboxes.list'> = (context, call) =>
  context.store.read(async (reads) => {
    const now = context.clock.now()
    const query = asQuery(call.parameters, now)
    if (call.parameters.after === undefined) await assertAllKnown(reads, query.addresses ?? [])
    const mailboxes = await reads.mailboxViews({ ...query, limit: LIMITS.listPage + 1 }, now)
    const page = mailboxes.slice(0, LIMITS.listPage)
    return { mailboxes: page, next: mailboxes.length > page.length ? (page.at(-1)?.address ?? null) : null }
  })

function asQuery(parameters: TaskParameters<'mailboxes.list'>, now: number): Omit<MailboxQuery, 'limit'> {
  const { addresses, status, expiringWithin, silentFor, after } = parameters
  return {
    ...(addresses === undefined ? {} : { addresses: addresses.map(asAddress) }),
    ...(status === undefined ? {} : { status }),
    ...(expiringWithin === undefined ? {} : { validToBefore: now + expiringWithin }),
    ...(silentFor === undefined ? {} : { silentSince: now - silentFor }),
    ...(after === undefined ? {} : { after }),
  }
}

/** @throws {@link MailsealError} `not-found`: an address left out in silence would pass for one without status. */
async function assertAllKnown(reads: Reads, addresses: readonly string[]): Promise<void> {
  for (const address of addresses) {
    if ((await reads.mailboxByAddress(address)) !== null) continue
    throw new MailsealError('not-found', `${address} is no mailbox of this KM server`, {
      hint: `add it first: mailseal-admin mailboxes add ${address}`,
    })
  }
}
