import { existsSync } from 'node:fs'
import { type Clock, MailsealError, type Random } from '@mailseal/common'
import { createRpcClient, type Fetch, type RpcClient } from '@mailseal/common/rpc'
import type { Home } from './home.ts'
import type { Argon2Cost } from './key-file/password-message.ts'
import type { Identity, State } from './state/state.ts'
import { type Trust, trustOf } from './trust.ts'

/** Which password is wanted, and for which file. */
export interface PasswordRequest {
  /**
   * `open`: of the own key file. `other`: of a key file from elsewhere. `continue`: of an enrollment that was begun.
   * `new`: to be chosen, at least eight characters.
   */
  readonly purpose: 'open' | 'other' | 'continue' | 'new'
  readonly file: string
}

/** Gives a password, from a prompt, a file or a keychain. */
export type PasswordProvider = (request: PasswordRequest) => Promise<string>

/** What a person has to compare before trusting a server that nothing vouches for. */
export interface ServerIntroduction {
  readonly server: string
  readonly organization: string
  /** 64 lower-case hex digits. */
  readonly rootFingerprint: string
}

/** Milliseconds. */
export interface Timeouts {
  /** One request to the KM server. */
  readonly request: number
  /** The refresh of the revocation list before a message is judged. */
  readonly refresh: number
  /** A whole revocation list or a page of the directory. */
  readonly download: number
}

/** Something that is wrong, but not so that what was asked for failed. */
export interface Warning {
  readonly code: string
  readonly message: string
}

/** What was done so far since the agent was opened. */
export interface Session {
  /** Whether the key file was opened: whoever unlocks it hears of renewal. */
  keyFileOpened: boolean
}

/** What every function of the agent works with. */
export interface Context {
  readonly home: Home
  readonly state: State
  readonly session: Session
  readonly clock: Clock
  readonly random: Random
  /** Of new key file passwords. */
  readonly argon2: Argon2Cost
  readonly fetch: Fetch
  readonly timeouts: Timeouts
  /** The KM server as configured; null if only the enrollment says. */
  readonly server: string | null
  readonly password: PasswordProvider
  readonly confirmServer: (introduction: ServerIntroduction) => Promise<boolean>
}

/** Speaks to a KM server, with one deadline for each call in milliseconds. */
export function connect(context: Context, server: string, timeout: number): RpcClient {
  return createRpcClient({ server, fetch: context.fetch, timeout })
}

/** Who this agent is and whom it trusts. */
export interface Enrolled {
  readonly identity: Identity
  readonly trust: Trust
}

/** @throws {@link MailsealError} `not-enrolled`. */
export async function requireEnrolled(context: Context): Promise<Enrolled> {
  const identity = context.state.identity()
  const authority = context.state.authority()
  if (identity === null || authority === null) {
    const { keyFile } = context.home
    // Where only the state was lost, enrolling again would be the long way round.
    const hint = existsSync(keyFile) ? `there is a key file: mailseal keyfile use "${keyFile}"` : undefined
    throw new MailsealError('not-enrolled', 'this computer is not enrolled', { hint })
  }
  return { identity, trust: await trustOf(authority) }
}
