import { asAddress, asMailboxName, toHex } from '@mailseal/common'
import type { MailboxView } from '@mailseal/common/rpc'
import type { Mailbox } from '../store/store.ts'
import { assertFree, assertOwnDomain } from './addresses.ts'
import type { TaskHandler } from './call.ts'
import { doOnce, isRefused, refusalOf } from './once.ts'

/** Adds a mailbox: a random id, an address of the organization, a name. */
export const addMailbox: TaskHandler<'mailboxes.add'> = async (context, call) => {
  const { address: typed, name: typedName } = call.parameters
  const outcome = await doOnce(context, call, {
    index: 0,
    typedAddress: typed,
    prepare: async () => undefined,
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
        removed: null,
      }
      await tx.addMailbox(mailbox)
      return { mailbox: newcomerView(mailbox) }
    },
  })
  if (isRefused(outcome)) throw refusalOf(outcome)
  return outcome
}

function newcomerView({ id, address, name, status }: Mailbox): MailboxView {
  return { id, address, name, status, certificate: null, temporaryKey: null, lastReport: null, archivedKeys: 0 }
}
