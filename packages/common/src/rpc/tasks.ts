import * as v from 'valibot'
import { LIMITS, SPANS } from '../limits.ts'
import { base64url, base64urlOf, count, hex, mailboxId, text } from '../schema.ts'

/*
 * The administrators' interface: one schema for what each task takes and one for what it answers. Server and client read
 * the same table, so that neither can send what the other does not know. Binary members are base64url on the wire and
 * bytes behind the schema; times are Unix seconds.
 */

const address = v.pipe(text(LIMITS.addressBytes * 4), v.nonEmpty())
const addresses = v.pipe(v.array(address), v.minLength(1), v.maxLength(LIMITS.taskAddresses))

export const STATUSES = ['Undefined', 'New', 'Active', 'Disabled', 'Key recovery in progress'] as const
/** The status of a mailbox, in the original's words. */
export type Status = (typeof STATUSES)[number]
const status = v.picklist(STATUSES)

export const REVOKE_REASONS = ['unspecified', 'compromised', 'left', 'superseded'] as const
/** Why an administrator revokes. */
export type RevokeReason = (typeof REVOKE_REASONS)[number]

/** Seconds that a mailbox is looked back or ahead: added to any date, they stay a whole number. */
const span = v.pipe(count, v.maxValue(SPANS.longestLook))

const errorBody = v.strictObject({ code: text(64), message: text(1024), hint: v.optional(text(1024)) })

/** A failure as it travels. */
export type ErrorBody = v.InferOutput<typeof errorBody>

const mailbox = v.strictObject({
  id: mailboxId,
  address: text(LIMITS.addressBytes),
  name: text(1024),
  status,
  certificate: v.nullable(
    v.strictObject({
      serial: hex(16),
      fingerprint: hex(40),
      validFrom: count,
      validTo: count,
      renewFrom: count,
      expired: v.boolean(),
    }),
  ),
  temporaryKey: v.nullable(v.strictObject({ issued: count, expires: count, sent: v.boolean(), expired: v.boolean() })),
  lastReport: v.nullable(v.strictObject({ time: count, crlNumber: count, version: text(64) })),
  /** How many encryption keys the archive holds: the history that a recovery, or enabling again, returns. */
  archivedKeys: count,
})

/** A mailbox as administrators see it. */
export type MailboxView = v.InferOutput<typeof mailbox>

/** One address of a task: refused by itself, whatever becomes of the others. */
const refusal = v.strictObject({ address: text(LIMITS.addressBytes * 4), error: errorBody })

const issued = v.strictObject({
  address: text(LIMITS.addressBytes),
  name: text(1024),
  status,
  temporaryKey: text(64),
  expires: count,
  /** What the enrollment message's attachment is made of. */
  offer: base64url(LIMITS.offer),
  mac: base64urlOf(32),
  authority: base64url(LIMITS.authorityDocument),
  /** Allows one message to this mailbox within 15 minutes; null where the organization does not allow mailing keys. */
  sendToken: v.nullable(text(64)),
  /** What waits under this temporary key; null if no history was asked for. */
  history: v.nullable(
    v.strictObject({
      /** Encryption keys that come back at the enrollment. */
      keys: count,
      /** Subkey fingerprints of archive entries that could not be opened: these do not come back. */
      damaged: v.array(hex(40)),
    }),
  ),
})

/** A temporary key just issued, with all that hands it over. */
export type IssuedKey = v.InferOutput<typeof issued>

const changed = v.strictObject({ address: text(LIMITS.addressBytes), status })
const revoked = v.strictObject({
  address: text(LIMITS.addressBytes),
  status,
  serials: v.array(hex(16)),
  /** Number of the revocation list that is out with these serial numbers; null if there were none. */
  crlNumber: v.nullable(count),
})

const removed = v.omit(revoked, ['status'])

const resultsOf = <S extends v.GenericSchema>(done: S) => v.strictObject({ results: v.array(v.union([done, refusal])) })

const journalEntry = v.strictObject({
  index: count,
  time: count,
  task: text(64),
  administrators: v.array(text(256)),
  /** The mailbox's address or what else the task was about; empty if nothing. */
  subject: text(1024),
  /** `done`, or the code of the error that refused it. */
  result: text(64),
  requestId: text(64),
  hash: hex(64),
})

/** One entry of the journal. */
export type JournalEntry = v.InferOutput<typeof journalEntry>

/** Every task of an administrator: what it takes and what it answers. */
export const TASKS = {
  'mailboxes.add': {
    parameters: v.strictObject({ address, name: text(1024) }),
    result: v.strictObject({ mailbox }),
  },
  'mailboxes.list': {
    parameters: v.strictObject({
      /** None means all. */
      addresses: v.optional(v.pipe(v.array(address), v.maxLength(LIMITS.taskAddresses))),
      status: v.optional(status),
      /** Only those whose certificate ends within so many seconds. */
      expiringWithin: v.optional(span),
      /** Only those Active ones whose agent did not report for so many seconds. */
      silentFor: v.optional(span),
      /** Cursor of the page before. */
      after: v.optional(text(LIMITS.addressBytes)),
    }),
    result: v.strictObject({ mailboxes: v.array(mailbox), next: v.nullable(text(LIMITS.addressBytes)) }),
  },
  /** By address; a member that is left out stays as it is. */
  'mailboxes.change': {
    parameters: v.strictObject({ address, name: v.optional(text(1024)), newAddress: v.optional(address) }),
    result: v.strictObject({ mailbox, serials: v.array(hex(16)) }),
  },
  /** Revokes, ends the mailbox for ever and frees its address. */
  'mailboxes.remove': { parameters: v.strictObject({ addresses }), result: resultsOf(removed) },
  enable: {
    parameters: v.strictObject({
      addresses,
      /** A Disabled mailbox gets its key history back, which needs the quorum, unless this is true. */
      withoutHistory: v.optional(v.boolean()),
    }),
    result: resultsOf(issued),
  },
  recover: { parameters: v.strictObject({ addresses }), result: resultsOf(issued) },
  reissue: { parameters: v.strictObject({ addresses }), result: resultsOf(issued) },
  cancel: { parameters: v.strictObject({ addresses }), result: resultsOf(changed) },
  revoke: {
    parameters: v.strictObject({ addresses, reason: v.picklist(REVOKE_REASONS) }),
    result: resultsOf(revoked),
  },
  journal: {
    parameters: v.strictObject({
      /** Index of the last entry of the page before. */
      after: v.optional(count),
    }),
    result: v.strictObject({ entries: v.array(journalEntry), head: hex(64), next: v.nullable(count) }),
  },
} as const

export type TaskName = keyof typeof TASKS
/** What a task takes, as written. */
export type TaskParameters<T extends TaskName> = v.InferOutput<(typeof TASKS)[T]['parameters']>
/** What a task answers, as read. */
export type TaskResult<T extends TaskName> = v.InferOutput<(typeof TASKS)[T]['result']>
/** What a task answers, as written. */
export type TaskAnswer<T extends TaskName> = v.InferInput<(typeof TASKS)[T]['result']>

/** Whether a name from outside is a task. */
export function isTaskName(name: string): name is TaskName {
  return Object.hasOwn(TASKS, name)
}

/** An administrator's name and password. */
export const credentialsSchema = v.strictObject({
  administrator: text(LIMITS.administratorNameCharacters * 4),
  password: text(LIMITS.passwordBytes),
})
export type Credentials = v.InferOutput<typeof credentialsSchema>

/** The body of `POST /v1/tasks/NAME`; the parameters follow the task's own schema. */
export const taskRequestSchema = v.strictObject({
  /** 128 random bits in hex: a repeat is answered with the same result and does nothing. */
  requestId: hex(32),
  credentials: v.pipe(v.array(credentialsSchema), v.maxLength(LIMITS.administrators)),
  parameters: v.unknown(),
})

/** The body of `POST /v1/enrollment-messages`: one message, submitted or put into the outbox, of which nothing is kept. */
export const sendMessageSchema = v.strictObject({
  sendToken: text(64),
  message: base64url(LIMITS.enrollmentMessage),
})

/** The answer to it: `outbox` while no mail server is set, so that somebody has to take the file from there. */
export const sendMessageAnswerSchema = v.strictObject({ delivery: v.picklist(['submitted', 'outbox']) })
/** What became of an enrollment message. */
export type Delivery = v.InferOutput<typeof sendMessageAnswerSchema>['delivery']

/** The body of every answer that is not 2xx. */
export const errorAnswerSchema = v.strictObject({ error: errorBody })
