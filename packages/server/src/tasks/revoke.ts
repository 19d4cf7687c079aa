import { dayOf } from '@mailseal/common/crl'
import type { RevokeReason } from '@mailseal/common/rpc'
import type { Mailbox, Transaction } from '../store/store.ts'
import type { TaskHandler } from './call.ts'
import { forEachAddress } from './each-address.ts'
import { changeMailbox, statusAfter } from './status.ts'
import { endLiveTemporaryKey } from './temporary-keys.ts'

/** Ends every unexpired serial number of mailboxes, and temporary keys; answers when the list that says so is out. */
export const revoke: TaskHandler<'revoke'> = async (context, call) => {
  const { reason } = call.parameters
  const { results } = await forEachAddress(context, call, async (tx, mailbox, now) => {
    const status = statusAfter('revoke', mailbox)
    context.lists.assertCanPublish()
    await endLiveTemporaryKey(tx, mailbox.id, 'revoked', now)
    const serials = await revokeCertificates(tx, mailbox, { reason, now })
    await changeMailbox(tx, mailbox, { status, currentSerial: null })
    return { address: mailbox.address, status, serials }
  })
  const anyRevoked = results.some((result) => 'serials' in result && result.serials.length > 0)
  const list = anyRevoked ? await context.lists.publish() : null
  return {
    results: results.map((result) =>
      'serials' in result
        ? { ...result, crlNumber: list !== null && result.serials.length > 0 ? list.number : null }
        : result,
    ),
  }
}

/** @returns The serial numbers that enter the revocation list. */
async function revokeCertificates(
  tx: Transaction,
  mailbox: Mailbox,
  { reason, now }: { reason: RevokeReason; now: number },
): Promise<string[]> {
  const certificates = await tx.liveCertificates(mailbox.id, now)
  for (const { serial, validTo } of certificates) {
    await tx.addRevocation({ serial, revokedAt: now, expiryDay: dayOf(validTo), reason })
  }
  return certificates.map(({ serial }) => serial)
}
