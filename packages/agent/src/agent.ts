import { type Clock, LIMITS, MailsealError, type Random, systemClock, systemRandom } from '@mailseal/common'
import { ensurePrivateFolder, readFileBounded } from '@mailseal/common/program'
import type { Fetch } from '@mailseal/common/rpc'
import type { Context, PasswordProvider, ServerIntroduction, Timeouts } from './context.ts'
import { type EnrollOptions, type EnrollResult, enroll } from './enrollment/enroll.ts'
import { homeAt } from './home.ts'
import { type KeyFileInfo, keyFileInfo } from './key-file/info.ts'
import { copyKeyFile } from './key-file/key-file.ts'
import { type UseResult, useKeyFile } from './key-file/use.ts'
import { sign } from './mail/sign.ts'
import { openVerifier, type Verification, type Verifier } from './mail/verify.ts'
import { assertKnownOptions } from './options.ts'
import { type ReportResult, report } from './report.ts'
import { openState } from './state/state.ts'
import { type AgentStatus, status } from './status.ts'
import { type SyncResult, sync } from './sync.ts'

/** What {@link openAgent} is given. Only `home` has to be. */
export interface AgentOptions {
  /** The folder that holds everything; made if there is none. */
  readonly home: string
  /** The KM server's URL, where the configuration names one. */
  readonly server?: string | undefined
  readonly fetch?: Fetch
  readonly clock?: Clock
  readonly random?: Random
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
  /** Verifies one message. See {@link openVerifier}. */
  verify(message: Uint8Array): Promise<Verification>
  /** Makes ready to verify many messages by the same revocation list. Close it. */
  openVerifier(): Promise<Verifier>
  /** See {@link sync}. */
  sync(): Promise<SyncResult>
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
  agent: ['home', 'server', 'fetch', 'clock', 'random', 'password', 'confirmServer', 'timeouts'],
  timeouts: ['request', 'refresh', 'download'],
  enroll: ['temporaryKey', 'invitation', 'address', 'server', 'root'],
  report: ['show'],
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
  return {
    home,
    state: await openState(home.state),
    server: options.server ?? null,
    fetch: options.fetch ?? globalThis.fetch,
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
    password: options.password ?? refusePassword,
    confirmServer: options.confirmServer ?? (async () => false),
    timeouts: { ...TIMEOUTS, ...options.timeouts },
  }
}

const refusePassword: PasswordProvider = async ({ file }) => {
  throw new MailsealError('password-needed', `nobody gives the password of "${file}"`)
}
