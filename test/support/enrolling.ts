import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { type Agent, type AgentOptions, type Invitation, openAgent } from '@mailseal/agent'
import { deriveTemporaryKeySecrets, parseTemporaryKey, systemRandom, toHex, utf8 } from '@mailseal/common'
import {
  createRpcClient,
  type Fetch,
  type IssuedKey,
  PATHS,
  TASKS,
  type TaskName,
  type TaskResult,
} from '@mailseal/common/rpc'
import { afterAll, beforeAll, onTestFinished } from 'vitest'
import { ADMINISTRATOR, ADMINISTRATOR_PASSWORD, makeOrganization, type Organization } from './organization.ts'
import { type RunOptions, run } from './run.ts'

export const PASSWORD = 'correct horse'
export const runNode = (args: readonly string[], options: RunOptions) => run(process.execPath, args, options)
export const LETTER = (from: string) =>
  utf8(`From: ${from}\r\nTo: bob@example.org\r\nSubject: Lunch\r\n\r\nAt noon?\r\n`)

/** The organization of this test file. */
export let organization: Organization

/** Makes it before the file's tests, with so many mailboxes that wait for an enrollment, and ends it after them. */
export function useOrganization({ mailboxes }: { readonly mailboxes: number }): void {
  beforeAll(async () => {
    organization = await makeOrganization()
    await fillPool(mailboxes)
  })
  afterAll(() => organization?.end())
}

/** One task of the administrator, straight over the interface. */
export async function task<T extends TaskName>(name: T, parameters: object): Promise<TaskResult<T>> {
  const client = createRpcClient({ server: organization.url, fetch, timeout: 30_000 })
  const credentials = [{ administrator: ADMINISTRATOR, password: ADMINISTRATOR_PASSWORD }]
  const body = { requestId: toHex(systemRandom(16)), credentials, parameters }
  return client.post(PATHS.tasks + name, body, TASKS[name].result) as Promise<TaskResult<T>>
}

/** Mailboxes with a temporary key each, made in one go: every task costs the server an Argon2. */
let pool: IssuedKey[] = []

async function fillPool(size: number): Promise<void> {
  const addresses = Array.from({ length: size }, (_, i) => `user${i}@example.org`)
  const remaining = [...addresses]
  const add = async () => {
    for (let address = remaining.pop(); address !== undefined; address = remaining.pop()) {
      await task('mailboxes.add', { address, name: `User of ${address.split('@')[0]}` })
    }
  }
  await Promise.all([add(), add()])
  const { results } = await task('enable', { addresses })
  pool = results.map(asIssued)
}

/** A new mailbox with a temporary key. */
export async function newMailbox(): Promise<IssuedKey> {
  const issued = pool.pop()
  if (issued === undefined) throw new RangeError('the pool is too small')
  return issued
}

export function asIssued(result: TaskResult<'enable'>['results'][number] | undefined): IssuedKey {
  if (result === undefined || 'error' in result) throw new Error(JSON.stringify(result))
  return result
}

export async function reissue(address: string): Promise<IssuedKey> {
  const { results } = await task('reissue', { addresses: [address] })
  return asIssued(results[0])
}

export const invitationOf = ({ offer, mac, authority }: IssuedKey): Invitation => ({
  offer,
  mac,
  authority,
  temporaryKey: null,
})

export async function newHome(): Promise<string> {
  return mkdtemp(join(organization.folder, 'home-'))
}

export async function agentAt(home: string, options: Partial<AgentOptions> = {}): Promise<Agent> {
  const agent = await openAgent({ home, password: async () => PASSWORD, ...options })
  onTestFinished(() => agent.close())
  return agent
}

export async function newAgent(options: Partial<AgentOptions> = {}) {
  const home = await newHome()
  return { home, agent: await agentAt(home, options) }
}

/** The network with one path's answers changed, and a count of requests to each path. */
export function network(change: { path?: string; answer?: (response: Response) => Promise<Response> } = {}) {
  const requests: { path: string; body: string }[] = []
  const fetcher: Fetch = async (input, init) => {
    const path = new URL(String(input)).pathname
    requests.push({ path, body: String(init?.body ?? '') })
    const response = await fetch(input, init)
    return path === change.path && change.answer !== undefined ? change.answer(response) : response
  }
  return { fetch: fetcher, requests, pathsOf: () => requests.map((request) => request.path) }
}

export const drop = async (response: Response): Promise<Response> => {
  // The server has committed and answered; nobody hears it.
  await response.arrayBuffer()
  throw new TypeError('fetch failed')
}

export const changedJson =
  (change: (body: Record<string, unknown>) => Record<string, unknown>) => async (response: Response) =>
    Response.json(change((await response.json()) as Record<string, unknown>), { status: response.status })

/** Requests that held something sealed. */
export const sealedIn = (paths: readonly string[]) => paths.filter((path) => path === PATHS.enroll)

/** What a temporary key turns into. */
export const secretsOf = (temporaryKey: string) => deriveTemporaryKeySecrets(parseTemporaryKey(temporaryKey))
