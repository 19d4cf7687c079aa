import { openAdmin } from '@mailseal/admin'
import { fromHex, type MailsealError } from '@mailseal/common'
import type { RevokeReason, TaskName, TaskParameters } from '@mailseal/common/rpc'
import type { Answer } from '../administration.ts'
import { makeNetwork, type NetworkFault, outcomeOf } from '../computer.ts'
import { ADMINISTRATOR } from '../km-server.ts'

/** One task through the administrator's library, over a network that may fail once. */
export async function askAsAdmin<T extends TaskName>(
  server: string,
  {
    task,
    parameters,
    requestId,
    fault,
  }: { task: T; parameters: TaskParameters<T>; requestId: string; fault: NetworkFault | null },
): Promise<Answer<T>> {
  const network = makeNetwork(() => server)
  network.begin(fault)
  const admin = openAdmin({
    server,
    credentials: async () => [ADMINISTRATOR],
    fetch: network.fetch,
    random: () => fromHex(requestId, 'request id'),
  })
  const given = parameters as { addresses?: string[]; address?: string; name?: string; newAddress?: string }
  const { addresses = [], address = '', name, newAddress } = given
  const ask = async () => {
    switch (task) {
      case 'mailboxes.add':
        return { mailbox: await admin.mailboxes.add({ address, name: name ?? '' }) }
      case 'mailboxes.change':
        return admin.mailboxes.change(address, {
          ...(name !== undefined && { name }),
          ...(newAddress !== undefined && { newAddress }),
        })
      case 'mailboxes.remove':
        return { results: await admin.mailboxes.remove(addresses) }
      case 'enable':
        return { results: await admin.enable(addresses, { withoutHistory: 'withoutHistory' in parameters }) }
      case 'recover':
        return { results: await admin.recover(addresses) }
      case 'reissue':
        return { results: await admin.reissue(addresses) }
      case 'cancel':
        return { results: await admin.cancel(addresses) }
      case 'revoke':
        return {
          results: await admin.revoke(
            addresses,
            'reason' in parameters ? { reason: parameters.reason as RevokeReason } : {},
          ),
        }
      default:
        throw new TypeError(`nobody asks for ${task} here`)
    }
  }
  const { code, result } = await outcomeOf<object>(ask())
  if (code !== null) return { error: code }
  const [first] = 'results' in result ? (result.results as { error?: MailsealError }[]) : []
  return first?.error === undefined ? ({ result } as Answer<T>) : { error: first.error.code }
}
