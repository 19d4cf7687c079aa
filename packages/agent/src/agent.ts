import { type Clock, LIMITS, MailsealError, type Random, systemClock, systemRandom } from '@mailseal/common'
import { ensurePrivateFolder, readFileBounded } from '@mailseal/common/program'
import type { Fetch, RevokeReason } from '@mailseal/common/rpc'
import type { Context, PasswordProvider, ServerIntroduction, Timeouts, Warning } from './context.ts'
import { type EnrollOptions, type EnrollResult, enroll } from './enrollment/enroll.ts'
import { type ExportOptions, exportKeys } from './export.ts'
import { homeAt } from './home.ts'
import { type KeyFileInfo, keyFileInfo } from './key-file/info.ts'
import { copyKeyFile } from './key-file/key-file.ts'
import { ARGON2_COST, type Argon2Cost } from './key-file/password-message.ts'
import { type UseResult, useKeyFile } from './key-file/use.ts'
import { type CheckResult, check } from './mail/check.ts'
import { type EncryptOptions, type EncryptResult, encrypt } from './mail/encrypt.ts'
import { type Opened, openReader, type Reader } from './mail/open.ts'
import { sign } from './mail/sign.ts'
import type { Verification } from './mail/verification.ts'
import { openVerifier, type Verifier } from './mail/verify.ts'
import { assertKnownOptions } from './options.ts'
import { type RenewResult, renew } from './renew.ts'
import { type ReportResult, report } from './report.ts'
import { type RevokeResult, revoke } from './revoke.ts'
import { openState } from './state/state.ts'
import { type AgentStatus, acknowledge, status } from './status.ts'
import { sweepLeftovers } from './sweep.ts'
import { type SyncResult, sync } from './sync.ts'
import { attention } from './warnings.ts'

/** What {@link openAgent} is given. Only `home` has to be. */
export interface AgentOptions {
  /** The folder that holds everything; made if there is none. */
  readonly home: string
  /** The KM server's URL, where the configuration names one. */
  readonly server?: string | undefined
  readonly fetch?: Fetch
  readonly clock?: Clock
  readonly random?: Random
  /** Of new key file passwords; lower for tests only. */
  readonly argon2?: Argon2Cost
  /** Gives passwords; without it, whatever needs one fails with `password-needed`. */
  readonly password?: PasswordProvider
  /** Asks whether a server that nothing vouches for may be trusted; without it none is. */
  readonly confirmServer?: (introduction: ServerIntroduction) => Promise<boolean>
  readonly timeouts?: Partial<Timeouts>
}

/** A user's agent: enrolls, signs, verifies. Prompts for nothing and prints nothing. */
export interface Agent {
  /** Enrolls with a temporary key, or finishes an enrollment that was begun. See {@link enroll}. */
  enroll(options: EnrollOptions): Promise<EnrollResult>
  /** See {@link status}. */
  status(): Promise<AgentStatus>
  /** Signs a message as PGP/MIME. See {@link sign}. */
  sign(message: Uint8Array): Promise<Uint8Array<ArrayBuffer>>
  /** Signs and encrypts a message as PGP/MIME to all its recipients. See {@link encrypt}. */
  encrypt(message: Uint8Array, options?: Partial<EncryptOptions>): Promise<EncryptResult>
  /** Opens one message and verifies it, encrypted or not. See {@link openReader}. */
  open(message: Uint8Array): Promise<Opened>
  /** Makes ready to open many messages with one unlocking of the key file. Close it. */
  openReader(): Promise<Reader>
  /** Says to whom mail can be encrypted. See {@link check}. */
  check(addresses: readonly string[]): Promise<CheckResult>
  /** Verifies one message. See {@link openVerifier}. */
  verify(message: Uint8Array): Promise<Verification>
  /** Makes ready to verify many messages by the same revocation list. Close it. */
  openVerifier(): Promise<Verifier>
  /** See {@link sync}. */
  sync(): Promise<SyncResult>
  /** Has the own certificate renewed. See {@link renew}. */
  renew(): Promise<RenewResult>
  /** Revokes the own certificate. See {@link revoke}. */
  revoke(options?: { readonly reason?: RevokeReason }): Promise<RevokeResult>
  /** The own keys, armored, for other OpenPGP programs. See {@link exportKeys}. */
  exportKeys(options?: Partial<ExportOptions>): Promise<string>
  /** See {@link attention}. */
  attention(): readonly Warning[]
  /** Stops the warning about a foreign certificate. See {@link acknowledge}. */
  acknowledge(fingerprint: string): Promise<void>
  /** See {@link report}. */
  report(options?: { readonly show?: boolean }): Promise<ReportResult>
  readonly keyFile: {
    /** See {@link keyFileInfo}. */
    info(): Promise<KeyFileInfo>
    /** Copies the key file into a new file. See {@link copyKeyFile}. */
    copy(to: string): Promise<void>
    /** The key file's bytes, to be copied another way. */
    read(): Promise<Uint8Array<ArrayBuffer>>
    /** See {@link useKeyFile}. */
    use(copy: string | Uint8Array): Promise<UseResult>
  }
  close(): void
}

const TIMEOUTS: Timeouts = { request: 30_000, refresh: 1_500, download: 300_000 }

const KNOWN = {
  agent: ['home', 'server', 'fetch', 'clock', 'random', 'argon2', 'password', 'confirmServer', 'timeouts'],
  timeouts: ['request', 'refresh', 'download'],
  encrypt: ['sign', 'unsecured'],
  enroll: ['temporaryKey', 'invitation', 'address', 'server', 'root'],
  report: ['show'],
  revoke: ['reason'],
  exportKeys: ['secret', 'format'],
} as const

/**
 * Opens a user's agent on its folder.
 *
 * @throws TypeError for an unknown option; {@link MailsealError} `unreadable-file`, `unwritable-file`, `busy`.
 */
export async function openAgent(options: AgentOptions): Promise<Agent> {
  assertKnownOptions(options, KNOWN.agent, 'openAgent')
  assertKnownOptions(options.timeouts ?? {}, KNOWN.timeouts, 'timeouts')
  const context = await contextOf(options)
  return {
    enroll: async (enrollment) => {
      assertKnownOptions(enrollment, KNOWN.enroll, 'enroll')
      return enroll(context, enrollment)
    },
    status: () => status(context),
    sign: (message) => sign(context, message),
    encrypt: async (message, encrypting = {}) => {
      assertKnownOptions(encrypting, KNOWN.encrypt, 'encrypt')
      return encrypt(context, message, { sign: encrypting.sign ?? true, unsecured: encrypting.unsecured ?? 'refuse' })
    },
    open: async (message) => {
      const reader = await openReader(context)
      try {
        return await reader.open(message)
      } finally {
        reader.close()
      }
    },
    openReader: () => openReader(context),
    check: (addresses) => check(context, addresses),
    verify: async (message) => {
      const verifier = await openVerifier(context)
      try {
        return await verifier.verify(message)
      } finally {
        verifier.close()
      }
    },
    openVerifier: () => openVerifier(context),
    sync: () => sync(context),
    renew: () => renew(context),
    revoke: async (revoking = {}) => {
      assertKnownOptions(revoking, KNOWN.revoke, 'revoke')
      return revoke(context, { reason: revoking.reason ?? 'unspecified' })
    },
    exportKeys: async (exporting = {}) => {
      assertKnownOptions(exporting, KNOWN.exportKeys, 'exportKeys')
      return exportKeys(context, { secret: exporting.secret ?? false, format: exporting.format ?? 'openpgp' })
    },
    attention: () => attention(context),
    acknowledge: (fingerprint) => acknowledge(context, fingerprint),
    report: async (reporting = {}) => {
      assertKnownOptions(reporting, KNOWN.report, 'report')
      return report(context, { show: reporting.show ?? false })
    },
    keyFile: {
      info: () => keyFileInfo(context),
      copy: (to) => copyKeyFile(context.home.keyFile, to),
      read: () => readFileBounded(context.home.keyFile, LIMITS.keyFile),
      use: (copy) => useKeyFile(context, copy),
    },
    close: () => context.state.close(),
  }
}

async function contextOf(options: AgentOptions): Promise<Context> {
  const home = homeAt(options.home)
  await ensurePrivateFolder(home.folder)
  const state = await openState(home.state)
  try {
    await sweepLeftovers({ home, state })
  } catch (error) {
    state.close()
    throw error
  }
  return {
    home,
    state,
    session: { keyFileOpened: false },
    server: options.server ?? null,
    fetch: options.fetch ?? globalThis.fetch,
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
    argon2: options.argon2 ?? ARGON2_COST,
    password: options.password ?? refusePassword,
    confirmServer: options.confirmServer ?? (async () => false),
    timeouts: { ...TIMEOUTS, ...options.timeouts },
  }
}

const refusePassword: PasswordProvider = async ({ file }) => {
  throw new MailsealError('password-needed', `nobody gives the password of "${file}"`)
}
