import { MailsealError } from '@mailseal/common'
import { parseAddresses, parseMime } from '@mailseal/common/mime'
import type { Delivery } from '@mailseal/common/rpc'
import { record } from '../journal.ts'
import { readSetting } from '../settings.ts'
import type { Mailbox, Reads } from '../store/store.ts'
import type { TaskContext } from './context.ts'
import { assertLive, findTemporaryKey, hashOfSendToken } from './temporary-keys.ts'

/**
 * Puts the enrollment message of a temporary key just issued into the outbox: once, within 15 minutes, to its mailbox
 * alone. Nothing else is kept of it.
 *
 * @param message - RFC 5322, attacker-controlled.
 * @throws {@link MailsealError} `refused-by-policy`, `bad-data`, or how the temporary key ended.
 */
export async function sendEnrollmentMessage(
  context: TaskContext,
  { sendToken, message }: { sendToken: string; message: Uint8Array },
): Promise<Delivery> {
  const { clock, random, outbox } = context
  const tokenHash = hashOfSendToken(sendToken)
  const allowed = async (reads: Reads) => {
    const token = await reads.sendToken(tokenHash)
    if (token === null || token.expires <= clock.now()) throw tokenRefused()
    if (!(await readSetting(reads, 'enrollment.allowEmail'))) throw mailRefused()
    const { key, mailbox } = await findTemporaryKey(reads, token.pskId)
    assertLive(key, mailbox, clock.now())
    return { key, mailbox }
  }
  const { key, mailbox } = await context.store.read(allowed)
  assertAddressedTo(mailbox, message)
  await outbox.put(
    { address: mailbox.address, pskId: key.pskId, bytes: message },
    {
      async recorded(tx) {
        await allowed(tx)
        if (!(await tx.takeSendToken(tokenHash))) throw tokenRefused()
      },
      async written(tx) {
        await tx.markTemporaryKeySent(key.pskId)
        const entry = { time: clock.now(), task: 'send', administrators: [], subject: mailbox.address, result: 'done' }
        await record(tx, random, { ...entry, requestId: '' })
      },
    },
  )
  return 'outbox'
}

/** Exactly one To field with exactly the mailbox's address, and no other recipient. */
function assertAddressedTo(mailbox: Mailbox, message: Uint8Array): void {
  const { headers } = parseMime(message)
  const [to, ...others] = headers.fields('to')
  const elsewhere = ['cc', 'bcc', 'resent-to', 'resent-cc', 'resent-bcc'].some(
    (name) => headers.fields(name).length > 0,
  )
  const recipients = to === undefined || others.length > 0 || elsewhere ? [] : parseAddresses(to.value)
  if (recipients.length === 1 && recipients[0]?.address === mailbox.address) return
  throw new MailsealError('bad-data', `the message is not addressed to ${mailbox.address} alone`, {
    hint: 'write this one address into the To field, and have neither Cc nor Bcc',
  })
}

function tokenRefused(): MailsealError {
  return new MailsealError('refused-by-policy', 'the token for this message was used, or is older than 15 minutes', {
    hint: 'issue a new temporary key and send that: mailseal-admin reissue ADDRESS --send',
  })
}

function mailRefused(): MailsealError {
  return new MailsealError('refused-by-policy', 'the organization does not allow temporary keys to be mailed', {
    hint: 'give the temporary key to its user in person',
  })
}
