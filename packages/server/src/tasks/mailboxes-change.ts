import { asAddress, asMailboxName, MailsealError } from '@mailseal/common'
import type { MailboxView, Status, TaskParameters } from '@mailseal/common/rpc'
import type { Mailbox, Transaction } from '../store/store.ts'
import { assertFree, assertOwnDomain } from './addresses.ts'
import type { Call, TaskHandler } from './call.ts'
import type { TaskContext } from './context.ts'
import { onMailbox } from './each-address.ts'
import { applyEndOfUse, type PreparedEnd, prepareEndOfUse } from './end-of-use.ts'
import { doOnce, isRefused, refusalOf } from './once.ts'
import { changeMailbox } from './status.ts'
import { endLiveTemporaryKey } from './temporary-keys.ts'

/** A certificate names its address: with another one the mailbox has none, and neither has its temporary key a use. */
const AFTER_MOVE: Record<Status, Status> = {
  Undefined: 'Undefined',
  New: 'Undefined',
  Active: 'Disabled',
  'Key recovery in progress': 'Disabled',
  Disabled: 'Disabled',
}

/** What becomes of a mailbox. */
interface Change {
  readonly name: string
  readonly address: string
  /** null if the address stays. */
  readonly end: PreparedEnd | null
}

/**
 * Changes a mailbox's name, which counts from its next enrollment on, or its address, which ends its certificates as
 * replaced: what they signed stays good, and enabling the mailbox again gives it a certificate for the new address with
 * all its history. Answers when the list that says so is out.
 */
export const changeMailboxDetails: TaskHandler<'mailboxes.change'> = async (context, call) => {
  const { address: typed } = call.parameters
  const steps = onMailbox(context, typed, {
    prepare: (mailbox, now) => prepareChange(context, call, mailbox, now),
    work: (tx, mailbox, now, change: Change) => applyChange(context, tx, { mailbox, now, change }),
  })
  const outcome = await doOnce(context, call, { index: 0, typedAddress: typed, ...steps })
  await context.outbox.removeSpent()
  if (isRefused(outcome)) throw refusalOf(outcome)
  if (outcome.serials.length > 0) await context.lists.publish()
  return outcome
}

async function prepareChange(
  context: TaskContext,
  { parameters }: Call<'mailboxes.change'>,
  mailbox: Mailbox,
  now: number,
): Promise<Change> {
  const { name, address } = asWanted(parameters, mailbox)
  if (address === mailbox.address) return { name, address, end: null }
  return context.store.read(async (reads) => {
    await assertOwnDomain(context, reads, address)
    return { name, address, end: await prepareEndOfUse(context, reads, mailbox, { reason: 'replaced', now }) }
  })
}

/** @throws {@link MailsealError} `bad-data`; `usage` if nothing is to be changed. */
function asWanted({ name, newAddress }: TaskParameters<'mailboxes.change'>, mailbox: Mailbox) {
  if (name === undefined && newAddress === undefined) {
    throw new MailsealError('usage', 'neither a new name nor a new address was given', {
      hint: `give one: mailseal-admin mailboxes change ${mailbox.address} --name NAME`,
    })
  }
  return {
    name: name === undefined ? mailbox.name : asMailboxName(name),
    address: newAddress === undefined ? mailbox.address : asAddress(newAddress),
  }
}

async function applyChange(
  context: TaskContext,
  tx: Transaction,
  { mailbox, now, change }: { mailbox: Mailbox; now: number; change: Change },
): Promise<{ mailbox: MailboxView; serials: string[] }> {
  const { name, address, end } = change
  if (end === null) {
    await changeMailbox(tx, mailbox, { name, status: mailbox.status })
    return { mailbox: await viewOf(tx, address, now), serials: [] }
  }
  await assertFree(tx, address)
  await endLiveTemporaryKey(tx, mailbox.id, 'canceled', now)
  const serials = await applyEndOfUse(tx, end, now)
  if (serials.length > 0) context.lists.assertCanPublish()
  await changeMailbox(tx, mailbox, { name, address, status: AFTER_MOVE[mailbox.status], currentSerial: null })
  return { mailbox: await viewOf(tx, address, now), serials }
}

async function viewOf(tx: Transaction, address: string, now: number): Promise<MailboxView> {
  const [view] = await tx.mailboxViews({ addresses: [address], limit: 1 }, now)
  if (view === undefined) throw new TypeError('a mailbox is gone in the transaction that changed it')
  return view
}
