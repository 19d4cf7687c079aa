import { existsSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { type Agent, openAgent } from '@mailseal/agent'
import { type ErrorCode, MailsealError } from '@mailseal/common'
import type { Fetch } from '@mailseal/common/rpc'
import type { Key, TemporaryKey } from './model.ts'

const PASSWORD = 'correct horse'
/** Opens in a few milliseconds. */
const CHEAP_ARGON2 = { passes: 1, parallelism: 1, memoryExponent: 5 } as const

// After each Argon2, OpenPGP.js offers its 65 MB back by growing them by nothing: V8 then collects all garbage, which takes
// ten times as long as a cheap Argon2.
const { Memory } = (
  globalThis as unknown as {
    WebAssembly: { Memory: { prototype: { readonly buffer: ArrayBuffer; grow(pages: number): number } } }
  }
).WebAssembly
const { grow } = Memory.prototype
Memory.prototype.grow = function (pages) {
  return pages === 0 ? this.buffer.byteLength / 65_536 : grow.call(this, pages)
}

/** How the network fails at one request of a command. */
export interface NetworkFault {
  /** Counted from 0. */
  readonly request: number
  /** `lost`: the server does it, and nobody hears; `not sent`: it never arrives; `sent twice`: the second is heard. */
  readonly how: 'lost' | 'not sent' | 'sent twice'
}

/** A request that reached the KM server, with what it said, or one that did not. */
export interface Attempt {
  readonly path: string
  /** What was sent as JSON. */
  readonly body: Record<string, string>
  /** null if it never arrived. */
  readonly answer: { readonly code: string | null; readonly value: Record<string, unknown> } | null
}

/** A way to the KM server that can fail, and remembers what went over it. */
export interface Network {
  readonly fetch: Fetch
  /** Begins a command, with the fault that awaits it. */
  begin(fault: NetworkFault | null): void
  /** What was sent since then. */
  readonly attempts: readonly Attempt[]
}

/** @param url - Where the server answers, whatever address somebody remembers of it. */
export function makeNetwork(url: () => string): Network {
  let fault: NetworkFault | null = null
  let sent = 0
  let attempts: Attempt[] = []
  const send: Fetch = async (input, init) => {
    const { pathname, search } = new URL(String(input))
    const path = pathname
    const body = typeof init?.body === 'string' ? JSON.parse(init.body) : {}
    const here = fault !== null && fault.request === sent++ ? fault.how : null
    if (here === 'not sent') {
      attempts.push({ path, body, answer: null })
      throw new TypeError('fetch failed')
    }
    const once = async () => {
      const response = await fetch(url() + pathname + search, init)
      const bytes = await response.arrayBuffer()
      const isJson = response.headers.get('content-type')?.startsWith('application/json') ?? false
      const value = isJson ? JSON.parse(new TextDecoder().decode(bytes)) : {}
      attempts.push({ path, body, answer: { code: response.ok ? null : (value.error?.code ?? ''), value } })
      return new Response(response.status === 304 ? null : bytes, {
        status: response.status,
        headers: response.headers,
      })
    }
    const response = await once()
    if (here === 'lost') throw new TypeError('fetch failed')
    return here === 'sent twice' ? once() : response
  }
  return {
    fetch: send,
    begin(next) {
      fault = next
      sent = 0
      attempts = []
    },
    get attempts() {
      return attempts
    },
  }
}

/** A person's computer with its agent, and what the model knows of it. */
export interface Computer {
  readonly name: string
  readonly home: string
  /** Opened when it is first wanted. */
  agent(): Promise<Agent>
  close(): Promise<void>
  readonly network: Network
  /** How much its clock is ahead of the server's, in seconds. */
  skew: number
  /** Whose key file it has; null before the first. */
  user: Key | null
  /** Keys whose encryption secrets its key file has to hold, and no others. */
  readonly holds: Set<Key>
  /** An enrollment that was begun and is not finished. */
  pending: { readonly temporaryKey: TemporaryKey; readonly validFrom: number } | null
  /** Whether it fetched a list after its key had ended. */
  knowsEnd: boolean
}

export async function openComputer(
  name: string,
  options: { folder: string; home?: string; now: () => number; url: () => string },
): Promise<Computer> {
  const home = options.home ?? (await mkdtemp(join(options.folder, 'home-')))
  const network = makeNetwork(options.url)
  let opened: Promise<Agent> | null = null
  const open = () =>
    openAgent({
      home,
      server: options.url(),
      fetch: network.fetch,
      clock: { now: () => options.now() + computer.skew },
      argon2: CHEAP_ARGON2,
      password: async () => PASSWORD,
    })
  const computer: Computer = {
    ...{ name, home, network, skew: 0, user: null, holds: new Set(), pending: null, knowsEnd: false },
    agent() {
      opened ??= open()
      return opened
    },
    async close() {
      const agent = await opened
      agent?.close()
    },
  }
  return computer
}

/** One computer, in one folder, is one person's: another mailbox with another address needs another. */
export function isFor({ user }: Computer, { mailbox, address }: Pick<Key, 'mailbox' | 'address'>): boolean {
  return user === null || user.mailbox === mailbox || user.address === address
}

/** Whether an enrollment was begun here and is not finished. */
export const hasPending = ({ home }: Computer) => existsSync(join(home, 'enrollment.pending'))

/** What came of a command of an agent. */
export type Outcome<T> =
  | { readonly code: ErrorCode; readonly result: null }
  | { readonly code: null; readonly result: T }

/** @throws what is no refusal but a fault of the program. */
export async function outcomeOf<T>(work: Promise<T>): Promise<Outcome<T>> {
  try {
    return { code: null, result: await work }
  } catch (thrown) {
    if (thrown instanceof MailsealError && thrown.code !== 'internal-error') return { code: thrown.code, result: null }
    throw thrown
  }
}
