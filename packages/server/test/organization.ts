import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Clock,
  deriveTemporaryKeySecrets,
  MailsealError,
  parseTemporaryKey,
  systemRandom,
  toBase64url,
  toHex,
} from '@mailseal/common'
import { sealArchiveEntry } from '@mailseal/common/archive-entry'
import { type Authority, notationDomain, readAuthority } from '@mailseal/common/authority'
import { makeUserKey, readPrimarySecret, type UserKey } from '@mailseal/common/certificate'
import { type EnrollmentReply, openEnrollmentReply, sealEnrollmentRequest } from '@mailseal/common/enrollment'
import { type Offer, readOffer } from '@mailseal/common/offer'
import {
  type Credentials,
  createRpcClient,
  enrollAnswerSchema,
  type IssuedKey,
  PATHS,
  type RpcClient,
  reportAnswerSchema,
  TASKS,
  type TaskName,
  type TaskParameters,
  type TaskResult,
} from '@mailseal/common/rpc'
import type { ReplyKey } from '@mailseal/common/sealed-channel'
import { type SignedRequest, signUserRequest } from '@mailseal/common/signed-request'
import { onTestFinished } from 'vitest'
import { initialize, type RunningServer, type ServerOptions, startServer } from '../src/index.ts'

export const START = 1_790_000_000
export const PASSWORD = 'correct horse battery staple lemon'
export const STARTUP_SECRET = 'start-up secret of the tests, long enough'

/** A clock that stands still until a test moves it. */
export interface TestClock extends Clock {
  at: number
}

/** A KM server over a fresh data folder, stopped and removed when the test ends. */
export interface Organization {
  readonly clock: TestClock
  readonly dataFolder: string
  readonly rootFingerprint: string
  /** Whatever the server logged. */
  readonly logged: string[]
  readonly url: string
  readonly rpc: RpcClient
  /** Asks for a task as the administrator. */
  task<T extends TaskName>(task: T, parameters: TaskParameters<T>, options?: TaskOptions): Promise<TaskResult<T>>
  /** Adds and enables a mailbox. */
  enabled(address: string): Promise<IssuedKey>
  /** Starts a second server over the same data, and connects to it. */
  another(): Promise<RpcClient>
  /** Starts anew over the same data. */
  restart(): Promise<void>
  stop(): Promise<void>
}

export interface TaskOptions {
  readonly requestId?: string
  readonly credentials?: readonly Credentials[]
}

export const ADMINISTRATOR: Credentials = { administrator: 'admin', password: PASSWORD }

export const newId = () => toHex(systemRandom(16))

export async function organization({
  domains = ['example.org', 'example.net'],
  ...options
}: Partial<ServerOptions> & { readonly domains?: readonly string[] } = {}): Promise<Organization> {
  const dataFolder = await mkdtemp(join(tmpdir(), 'mailseal-server-'))
  // The last that is registered is the first to run.
  onTestFinished(() => rm(dataFolder, { recursive: true }))
  const clock: TestClock = { at: START, now: () => clock.at }
  const { rootFingerprint } = await initialize({
    dataFolder,
    organization: 'Example Ltd',
    domains,
    administrator: { name: 'admin', password: PASSWORD },
    startupSecret: async () => STARTUP_SECRET,
    clock,
    argon2: { memoryKiB: 64, passes: 1, lanes: 1 },
  })
  const logged: string[] = []
  const start = () =>
    startServer({
      dataFolder,
      startupSecret: STARTUP_SECRET,
      listen: '127.0.0.1:0',
      log: (line) => logged.push(line),
      clock,
      ...options,
    })
  let server: RunningServer = await start()
  onTestFinished(() => server.stop())
  let rpc = connect(server.url)
  const task: Organization['task'] = (name, parameters, { requestId = newId(), credentials = [ADMINISTRATOR] } = {}) =>
    rpc.post(PATHS.tasks + name, { requestId, credentials, parameters }, TASKS[name].result)
  return {
    clock,
    dataFolder,
    rootFingerprint,
    logged,
    get url() {
      return server.url
    },
    get rpc() {
      return rpc
    },
    task,
    async enabled(address) {
      await task('mailboxes.add', { address, name: 'Alice' })
      return issuedOf(await task('enable', { addresses: [address] }))
    },
    async another() {
      const second = await start()
      onTestFinished(() => second.stop())
      return connect(second.url)
    },
    async restart() {
      await server.stop()
      server = await start()
      rpc = connect(server.url)
    },
    stop: () => server.stop(),
  }
}

function connect(server: string): RpcClient {
  return createRpcClient({ server, fetch, timeout: 30_000 })
}

/** The only result of a task for one address; its error is thrown. */
export function soleResult<R extends object>(answer: { results: readonly R[] }): Exclude<R, { error: unknown }> {
  const [result, ...others] = answer.results
  if (result === undefined || others.length > 0) throw new TypeError('not exactly one result')
  if ('error' in result) {
    const { code, message, hint } = result.error as { code: MailsealError['code']; message: string; hint?: string }
    throw new MailsealError(code, message, { hint })
  }
  return result as Exclude<R, { error: unknown }>
}

export const issuedOf = (answer: TaskResult<'enable'>): IssuedKey => soleResult(answer) as IssuedKey

/** An agent in the middle of an enrollment. */
export interface Enrollment {
  readonly authority: Authority
  readonly offer: Offer
  readonly key: UserKey
  readonly request: Uint8Array
  readonly replyKey: ReplyKey
}

/** What an agent does before it sends anything; `changes` makes it a hostile or broken one. */
export async function prepareEnrollment(
  issued: IssuedKey,
  { key, content = {}, at = START }: { key?: UserKey; content?: object; at?: number } = {},
): Promise<Enrollment> {
  const secrets = deriveTemporaryKeySecrets(parseTemporaryKey(issued.temporaryKey))
  const authority = readAuthority(issued.authority)
  const offer = readOffer({ offer: issued.offer, mac: issued.mac }, secrets.macKey)
  const userKey = key ?? (await makeUserKey(offer.userId, at))
  const { subkeyFingerprint, secretSubkey } = userKey
  const { rootFingerprint, generation } = authority
  const subject = { rootFingerprint, generation, mailbox: offer.mailbox, subkeyFingerprint }
  const { request, replyKey } = await sealEnrollmentRequest(authority, offer, secrets, {
    certificate: toBase64url(userKey.certificate),
    keyRevocation: toBase64url(userKey.keyRevocation),
    subkeyRevocation: toBase64url(userKey.subkeyRevocation),
    archiveEntry: toBase64url(await sealArchiveEntry(authority.archiveKey, subject, secretSubkey)),
    agent: 'test/1',
    ...content,
  })
  return { authority, offer, key: userKey, request, replyKey }
}

/** Sends a request as it is. */
export async function sendEnrollment(rpc: RpcClient, request: Uint8Array): Promise<Uint8Array> {
  return (await rpc.post(PATHS.enroll, { request: toBase64url(request) }, enrollAnswerSchema)).reply
}

/** An enrolled user. */
export interface User extends Enrollment {
  readonly reply: EnrollmentReply
}

export async function enroll(rpc: RpcClient, issued: IssuedKey, at?: number): Promise<User> {
  const prepared = await prepareEnrollment(issued, at === undefined ? {} : { at })
  const sealed = await sendEnrollment(rpc, prepared.request)
  return { ...prepared, reply: openEnrollmentReply(prepared.replyKey, prepared.request, sealed) }
}

/** A report as the user's agent signs it. */
export async function signReport(user: User, changes: object = {}): Promise<SignedRequest> {
  const primary = await readPrimarySecret(user.key.secretKey)
  return signUserRequest(primary, notationDomain(user.authority), {
    purpose: 'report',
    root: user.authority.rootFingerprint,
    id: newId(),
    time: START,
    serial: user.reply.serial,
    body: { crlNumber: 7, agent: 'test/1' },
    ...changes,
  })
}

export function sendReport(rpc: RpcClient, { request, signature }: SignedRequest) {
  const body = { request: toBase64url(request), signature: toBase64url(signature) }
  return rpc.post(PATHS.requests, body, reportAnswerSchema)
}

/** Whether one array stands somewhere in another. */
export function holds(haystack: Uint8Array, needle: Uint8Array | string): boolean {
  return Buffer.from(haystack).includes(Buffer.from(needle))
}
