import {
  type Clock,
  LIMITS,
  MailsealError,
  type Random,
  systemClock,
  systemRandom,
  toBase64url,
} from '@mailseal/common'
import type { Authority } from '@mailseal/common/authority'
import type { CrlHeader } from '@mailseal/common/crl'
import {
  createRpcClient,
  type Delivery,
  type ErrorBody,
  type Fetch,
  type IssuedKey,
  type JournalEntry,
  type MailboxView,
  PATHS,
  type RevokeReason,
  readErrorBody,
  type Status,
  sendMessageAnswerSchema,
  type TaskParameters,
} from '@mailseal/common/rpc'
import { readPublishedAuthority, readPublishedCrl } from './published.ts'
import { assertConfidential, type CredentialsProvider, createTaskCaller } from './task-caller.ts'

export interface AdminOptions {
  /** URL of the KM server: https, or http on this machine. */
  readonly server: string
  readonly credentials: CredentialsProvider
  readonly fetch?: Fetch
  readonly clock?: Clock
  readonly random?: Random
  /** One deadline for each request, milliseconds; two minutes unless given. */
  readonly timeout?: number
}

const OPTION_NAMES: ReadonlySet<string> = new Set([
  'server',
  'credentials',
  'fetch',
  'clock',
  'random',
  'timeout',
] satisfies (keyof AdminOptions)[])

/** A password check takes about a second and waits in a queue; thousands of addresses take their time after it. */
const TIMEOUT = 120_000

/** An address of a task that was refused, while others may have been done. */
export interface Refusal {
  readonly address: string
  readonly error: MailsealError
}

/** What became of one address. */
export type Outcome<T> = T | Refusal

export interface Changed {
  readonly address: string
  readonly status: Status
}

export interface Revoked extends Changed {
  /** Serial numbers that were revoked, 16 hex digits each; none if the mailbox had only a temporary key. */
  readonly serials: readonly string[]
  /** Number of the revocation list that is out with them; null if there were none. */
  readonly crlNumber: number | null
}

export type Removed = Omit<Revoked, 'status'>

export interface MailboxChanged {
  readonly mailbox: MailboxView
  /** Serial numbers that ended with the old address, 16 hex digits each. */
  readonly serials: readonly string[]
}

/** What is to change about a mailbox; what is left out stays as it is. */
export type MailboxChange = Omit<TaskParameters<'mailboxes.change'>, 'address'>

/** Which mailboxes to list; all of them unless something is given. */
export type MailboxFilter = Omit<TaskParameters<'mailboxes.list'>, 'after'>

export interface JournalPage {
  readonly entries: readonly JournalEntry[]
  /** Hash of the newest entry, 64 hex digits. */
  readonly head: string
}

/**
 * An administrator's tasks at one KM server. Times are Unix seconds, UTC. Every task asks for credentials once, and all
 * throw {@link MailsealError}: `password-wrong`, `refused-by-policy`, `server-unreachable`, `busy`, or what their lines add.
 * A task whose answer was lost is asked for again once and never done twice.
 */
export interface Admin {
  readonly server: URL
  readonly mailboxes: {
    /** @throws {@link MailsealError} `already-exists`, `bad-data` for an address or name that no mailbox may have. */
    add(mailbox: { readonly address: string; readonly name?: string }): Promise<MailboxView>
    /** Page by page, in the order of addresses. */
    list(filter?: MailboxFilter): AsyncGenerator<readonly MailboxView[], void, undefined>
    /**
     * Changes name or address. A new name counts from the next enrollment on; a new address ends the certificates and
     * a temporary key that waits, and enabling again gives a certificate for it and returns the key history.
     *
     * @throws {@link MailsealError} `not-found`, `already-exists`, `bad-data` as {@link add}.
     */
    change(address: string, change: MailboxChange): Promise<MailboxChanged>
    /** Revokes, with reason `left`, and ends the mailbox for ever: the address's next one has no history. */
    remove(addresses: readonly string[]): Promise<Outcome<Removed>[]>
  }
  /**
   * Issues temporary keys. Whoever learns one can enroll as its mailbox: show each once, and store none.
   *
   * @param options.withoutHistory - True for Disabled mailboxes to get none of their old encryption keys back, which
   *   otherwise needs the quorum.
   */
  enable(addresses: readonly string[], options?: { readonly withoutHistory?: boolean }): Promise<Outcome<IssuedKey>[]>
  /**
   * Issues temporary keys with which mailboxes that were enrolled before get a new key, and all their old encryption
   * keys back. The quorum opens the archive; what of it can't be opened is named in each answer's `history`.
   */
  recover(addresses: readonly string[]): Promise<Outcome<IssuedKey>[]>
  /** Issues new temporary keys in place of the last ones, which end; during a key recovery as {@link recover}. */
  reissue(addresses: readonly string[]): Promise<Outcome<IssuedKey>[]>
  /** Ends temporary keys that were not used yet. */
  cancel(addresses: readonly string[]): Promise<Outcome<Changed>[]>
  /** Revokes for ever; answers when the revocation list with the serial numbers is out. */
  revoke(addresses: readonly string[], options?: { readonly reason?: RevokeReason }): Promise<Outcome<Revoked>[]>
  /** Page by page, from the oldest entry on. */
  journal(): AsyncGenerator<JournalPage, void, undefined>
  /**
   * Mails an enrollment message to the mailbox whose temporary key was just issued: once, within 15 minutes.
   *
   * @param message - RFC 5322, addressed to the mailbox alone.
   * @throws {@link MailsealError} `refused-by-policy` where the organization does not allow it. After
   *   `server-unreachable` nobody knows whether it was sent; the mailbox's `temporaryKey.sent` tells.
   */
  sendEnrollmentMessage(issued: IssuedKey, message: Uint8Array): Promise<Delivery>
  /** Public: who the organization is. Its root is for the caller to compare. @throws {@link MailsealError} `untrusted`. */
  authority(): Promise<Authority>
  /** Public: the current revocation list's header, its list verified. @throws {@link MailsealError} `revocation-list-refused`. */
  crl(): Promise<CrlHeader>
}

/**
 * Opens the administrator's side of a KM server. Nothing is sent before the first task.
 *
 * @throws TypeError for an option that does not exist; {@link MailsealError} `usage` if `server` is no URL.
 */
export function openAdmin(options: AdminOptions): Admin {
  for (const name of Object.keys(options)) {
    if (!OPTION_NAMES.has(name)) throw new TypeError(`openAdmin has no option "${name}"`)
  }
  const { server, credentials, fetch = globalThis.fetch, timeout = TIMEOUT } = options
  const { clock = systemClock, random = systemRandom } = options
  const rpc = createRpcClient({ server, fetch, timeout })
  const tasks = createTaskCaller({ rpc, credentials, random })

  const issue = async <T extends 'enable' | 'recover' | 'reissue'>(task: T, parameters: TaskParameters<T>) => {
    const { results } = await tasks.call(task, parameters, await tasks.authorize(task))
    return results.map(asOutcome)
  }

  return {
    server: rpc.server,
    mailboxes: {
      async add({ address, name = '' }) {
        const entered = await tasks.authorize('mailboxes.add')
        return (await tasks.call('mailboxes.add', { address, name }, entered)).mailbox
      },
      async *list(filter = {}) {
        const entered = await tasks.authorize('mailboxes.list')
        const pages = eachPage((after: string | null) =>
          tasks.call('mailboxes.list', after === null ? filter : { ...filter, after }, entered),
        )
        for await (const { mailboxes } of pages) yield mailboxes
      },
      async change(address, { name, newAddress }) {
        const entered = await tasks.authorize('mailboxes.change')
        const change = { ...(name !== undefined && { name }), ...(newAddress !== undefined && { newAddress }) }
        return tasks.call('mailboxes.change', { address, ...change }, entered)
      },
      async remove(addresses) {
        const entered = await tasks.authorize('mailboxes.remove')
        const { results } = await tasks.call('mailboxes.remove', { addresses: [...addresses] }, entered)
        return results.map(asOutcome)
      },
    },
    enable: (addresses, { withoutHistory = false } = {}) =>
      issue('enable', { addresses: [...addresses], ...(withoutHistory && { withoutHistory }) }),
    recover: (addresses) => issue('recover', { addresses: [...addresses] }),
    reissue: (addresses) => issue('reissue', { addresses: [...addresses] }),
    async cancel(addresses) {
      const { results } = await tasks.call('cancel', { addresses: [...addresses] }, await tasks.authorize('cancel'))
      return results.map(asOutcome)
    },
    async revoke(addresses, { reason = 'unspecified' } = {}) {
      const parameters = { addresses: [...addresses], reason }
      const { results } = await tasks.call('revoke', parameters, await tasks.authorize('revoke'))
      return results.map(asOutcome)
    },
    async *journal() {
      const entered = await tasks.authorize('journal')
      const pages = eachPage((after: number | null) => tasks.call('journal', after === null ? {} : { after }, entered))
      for await (const { entries, head } of pages) yield { entries, head }
    },
    async sendEnrollmentMessage({ address, sendToken }, message) {
      assertConfidential(rpc.server)
      if (sendToken === null) throw mailingNotAllowed()
      if (message.length > LIMITS.enrollmentMessage) {
        throw new MailsealError(
          'too-large',
          `the message to ${address} is larger than ${LIMITS.enrollmentMessage} bytes`,
        )
      }
      const body = { sendToken, message: toBase64url(message) }
      return (await rpc.post(PATHS.enrollmentMessages, body, sendMessageAnswerSchema)).delivery
    },
    authority: () => readPublishedAuthority(rpc),
    crl: () => readPublishedCrl(rpc, clock.now()),
  }
}

function asOutcome<T extends object>(result: T | { address: string; error: ErrorBody }): Outcome<T> {
  return 'error' in result ? { address: result.address, error: readErrorBody(result.error) } : (result as T)
}

async function* eachPage<P extends { readonly next: C | null }, C extends string | number>(
  read: (after: C | null) => Promise<P>,
): AsyncGenerator<P, void, undefined> {
  let after: C | null = null
  for (;;) {
    const page: P = await read(after)
    yield page
    if (page.next === null) return
    // A cursor that stands still would make the list endless.
    if (page.next === after) throw new MailsealError('bad-data', 'the KM server answered with the same page again')
    after = page.next
  }
}

function mailingNotAllowed(): MailsealError {
  return new MailsealError('refused-by-policy', 'the organization does not allow temporary keys to be mailed', {
    hint: 'give the temporary key to its user in person',
  })
}
