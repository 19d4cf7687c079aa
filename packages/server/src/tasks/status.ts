import { MailsealError } from '@mailseal/common'
import type { Status } from '@mailseal/common/rpc'
import type { Mailbox, MailboxChange, Reads, Transaction } from '../store/store.ts'

/** The tasks that change a mailbox's status; the enrollment does too, where a temporary key is alive. */
type StatusTask = 'enable' | 'recover' | 'reissue' | 'cancel' | 'revoke'

/** Why a task is not allowed, and what to do instead; `ADDRESS` stands for the mailbox. */
interface Refusal {
  readonly message: string
  readonly hint: string
}

/** A canceled recovery leaves what was there before. */
type Before = 'before'

const RECOVERY = 'Key recovery in progress'

const NO_KEY: Refusal = {
  message: 'ADDRESS has no temporary key',
  hint: 'give it one: mailseal-admin enable ADDRESS',
}
const ENDED: Refusal = {
  message: 'ADDRESS is Disabled and has no temporary key',
  hint: 'give it one, which returns its key history: mailseal-admin enable ADDRESS',
}
const IN_RECOVERY: Refusal = {
  message: 'a key recovery of ADDRESS is in progress: it has a temporary key already',
  hint: 'for another key: mailseal-admin reissue ADDRESS',
}

/** DESIGN.md, section 5: what becomes of a status, or why nothing does. */
const TABLE: Record<StatusTask, Record<Status, Status | Before | Refusal>> = {
  enable: {
    Undefined: 'New',
    New: {
      message: 'ADDRESS is New: it has a temporary key already',
      hint: 'for another key: mailseal-admin reissue ADDRESS',
    },
    Active: {
      message: 'ADDRESS is Active: it is enrolled already',
      hint: 'if its key is lost: mailseal-admin recover ADDRESS; to end its certificate: mailseal-admin revoke ADDRESS',
    },
    [RECOVERY]: IN_RECOVERY,
    Disabled: RECOVERY,
  },
  recover: {
    Undefined: {
      message: 'ADDRESS is Undefined: it was never enrolled, so that there is no key to recover',
      hint: 'for its first temporary key: mailseal-admin enable ADDRESS',
    },
    New: {
      message: 'ADDRESS is New: it was never enrolled, so that there is no key to recover',
      hint: 'for another temporary key: mailseal-admin reissue ADDRESS',
    },
    Active: RECOVERY,
    [RECOVERY]: IN_RECOVERY,
    Disabled: RECOVERY,
  },
  reissue: {
    Undefined: NO_KEY,
    New: 'New',
    Active: {
      message: 'ADDRESS is Active: it is enrolled and needs no temporary key',
      hint: 'if its key is lost: mailseal-admin recover ADDRESS',
    },
    [RECOVERY]: RECOVERY,
    Disabled: ENDED,
  },
  cancel: {
    Undefined: NO_KEY,
    New: 'Undefined',
    Active: {
      message: 'ADDRESS is Active: its temporary key was used and cannot be canceled',
      hint: 'to end its certificate: mailseal-admin revoke ADDRESS',
    },
    [RECOVERY]: 'before',
    Disabled: {
      message: 'ADDRESS is Disabled and has no temporary key',
      hint: 'see its state: mailseal-admin status ADDRESS',
    },
  },
  revoke: {
    Undefined: {
      message: 'ADDRESS is Undefined: it has neither a certificate nor a temporary key',
      hint: 'to give it a temporary key: mailseal-admin enable ADDRESS',
    },
    New: 'Undefined',
    Active: 'Disabled',
    [RECOVERY]: 'Disabled',
    Disabled: {
      message: 'ADDRESS is Disabled: its certificate is revoked already',
      hint: 'see the list that tells everybody: mailseal-admin crl show',
    },
  },
}

/**
 * The status that a task leads to.
 *
 * @throws {@link MailsealError} `task-not-allowed`, saying what to do instead.
 */
export function statusAfter(task: StatusTask, mailbox: Pick<Mailbox, 'address' | 'status' | 'currentSerial'>): Status {
  const after = TABLE[task][mailbox.status]
  if (after === 'before') return mailbox.currentSerial === null ? 'Disabled' : 'Active'
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
  change: MailboxChange & { status: Status },
): Promise<void> {
  if (!(await tx.changeMailbox(mailbox, change))) throw changedMeanwhile(mailbox.address)
}

/** @returns A {@link MailsealError} `busy`. */
export function changedMeanwhile(address: string): MailsealError {
  return new MailsealError('busy', `${address} was changed by somebody else at the same time`)
}

/** @throws {@link MailsealError} `not-found`. */
export async function mailboxOf(reads: Reads, address: string): Promise<Mailbox> {
  const mailbox = await reads.mailboxByAddress(address)
  if (mailbox !== null) return mailbox
  throw new MailsealError('not-found', `${address} is no mailbox of this KM server`, {
    hint: `add it first: mailseal-admin mailboxes add ${address}`,
  })
}
