import { asAddress, asMailboxName, domainOf, MailsealError, toHex } from '@mailseal/common'
import type { MailboxView } from '@mailseal/common/rpc'
import type { Mailbox, Transaction } from '../store/store.ts'
import type { TaskHandler } from './call.ts'
import type { TaskContext } from './context.ts'
import { doOnce, isRefused, refusalOf } from './once.ts'

const DOMAINS_NAMED = 3

/** Adds a mailbox: a random id, an address of the organization, a name. */
export const addMailbox: TaskHandler<'mailboxes.add'> = async (context, call) => {
  const { address: typed, name: typedName } = call.parameters
  const outcome = await doOnce(context, call, {
    index: 0,
    typedAddress: typed,
    work: async (tx) => {
      const address = asAddress(typed)
      const name = asMailboxName(typedName)
      await assertOwnDomain(context, tx, address)
      await assertFree(tx, address)
      const mailbox: Mailbox = {
        id: toHex(context.random(16)),
        address,
        name,
        status: 'Undefined',
        version: 1,
        currentSerial: null,
        added: context.clock.now(),
      }
      await tx.addMailbox(mailbox)
      return { mailbox: newcomerView(mailbox) }
    },
  })
  if (isRefused(outcome)) throw refusalOf(outcome)
  return outcome
}

async function assertOwnDomain(context: TaskContext, tx: Transaction, address: string): Promise<void> {
  const { domains } = await context.documents.newest(tx)
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

async function assertFree(tx: Transaction, address: string): Promise<void> {
  const taken = await tx.mailboxByAddress(address)
  if (taken === null) return
  throw new MailsealError('already-exists', `${address} is there already; its status is ${taken.status}`, {
    hint: `see it: mailseal-admin status ${address}`,
  })
}

function newcomerView({ id, address, name, status }: Mailbox): MailboxView {
  return { id, address, name, status, certificate: null, temporaryKey: null, lastReport: null }
}
