import { MailsealError } from '@mailseal/common'
import type { Status } from '@mailseal/common/rpc'
import type { Mailbox, Transaction } from '../store/store.ts'

/** The tasks that change a mailbox's status; the enrollment does too, where a temporary key is alive. */
type StatusTask = 'enable' | 'reissue' | 'cancel' | 'revoke'

/** Why a task is not allowed, and what to do instead; `ADDRESS` stands for the mailbox. */
interface Refusal {
  readonly message: string
  readonly hint: string
}

const NO_KEY: Refusal = {
  message: 'ADDRESS has no temporary key',
  hint: 'give it one: mailseal-admin enable ADDRESS',
}
const ENDED: Refusal = {
  message: 'ADDRESS is Disabled and has no temporary key',
  hint: 'see its state: mailseal-admin status ADDRESS',
}
const IN_RECOVERY: Refusal = {
  message: 'a key recovery of ADDRESS is in progress, which this version cannot act on',
  hint: 'install the version of the KM server that began it',
}

/** DESIGN.md, section 5: what becomes of a status, or why nothing does. */
const TABLE: Record<StatusTask, Record<Status, Status | Refusal>> = {
  enable: {
    Undefined: 'New',
    New: {
      message: 'ADDRESS is New: it has a temporary key already',
      hint: 'for another key: mailseal-admin reissue ADDRESS',
    },
    Active: {
      message: 'ADDRESS is Active: it is enrolled already',
      hint: 'to end its certificate: mailseal-admin revoke ADDRESS',
    },
    Disabled: {
      message: 'ADDRESS is Disabled: enabling it again returns its key history, which this version cannot do',
      hint: 'its archive is kept for the version that can; see mailseal-admin status ADDRESS',
    },
    'Key recovery in progress': IN_RECOVERY,
  },
  reissue: {
    Undefined: NO_KEY,
    New: 'New',
    Active: {
      message: 'ADDRESS is Active: it is enrolled and needs no temporary key',
      hint: 'see its certificate: mailseal-admin status ADDRESS',
    },
    Disabled: ENDED,
    'Key recovery in progress': IN_RECOVERY,
  },
  cancel: {
    Undefined: NO_KEY,
    New: 'Undefined',
    Active: {
      message: 'ADDRESS is Active: its temporary key was used and cannot be canceled',
      hint: 'to end its certificate: mailseal-admin revoke ADDRESS',
    },
    Disabled: ENDED,
    'Key recovery in progress': IN_RECOVERY,
  },
  revoke: {
    Undefined: {
      message: 'ADDRESS is Undefined: it has neither a certificate nor a temporary key',
      hint: 'to give it a temporary key: mailseal-admin enable ADDRESS',
    },
    New: 'Undefined',
    Active: 'Disabled',
    Disabled: {
      message: 'ADDRESS is Disabled: its certificate is revoked already',
      hint: 'see the list that tells everybody: mailseal-admin crl show',
    },
    'Key recovery in progress': IN_RECOVERY,
  },
}

/**
 * The status that a task leads to.
 *
 * @throws {@link MailsealError} `task-not-allowed`, saying what to do instead.
 */
export function statusAfter(task: StatusTask, mailbox: Pick<Mailbox, 'address' | 'status'>): Status {
  const after = TABLE[task][mailbox.status]
  if (typeof after === 'string') return after
  const about = (text: string) => text.replaceAll('ADDRESS', () => mailbox.address)
  throw new MailsealError('task-not-allowed', about(after.message), { hint: about(after.hint) })
}

/**
 * Changes a mailbox as it was read in this transaction.
 *
 * @throws {@link MailsealError} `busy` if another transaction changed it first.
 */
export async function changeMailbox(
  tx: Transaction,
  mailbox: Mailbox,
  change: { status: Status; currentSerial?: string | null },
): Promise<void> {
  if (await tx.changeMailbox(mailbox, change)) return
  throw new MailsealError('busy', `${mailbox.address} was changed by somebody else at the same time`)
}

/** @throws {@link MailsealError} `not-found`. */
export async function mailboxOf(tx: Transaction, address: string): Promise<Mailbox> {
  const mailbox = await tx.mailboxByAddress(address)
  if (mailbox !== null) return mailbox
  throw new MailsealError('not-found', `${address} is no mailbox of this KM server`, {
    hint: `add it first: mailseal-admin mailboxes add ${address}`,
  })
}
