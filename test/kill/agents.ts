import { mkdtemp, readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Admin, openAdmin } from '@mailseal/admin'
import { type Agent, openAgent } from '@mailseal/agent'
import { type IssuedKey, PATHS } from '@mailseal/common/rpc'
import * as openpgp from 'openpgp'
import { expect } from 'vitest'
import { type Outcome, run } from '../support/run.ts'
import type { Step } from './agent-child.ts'
import { CHEAP_ARGON2 } from './cheap-argon2.ts'

/** Node keeps there what it made of our files: the same few programs are started hundreds of times. */
export const COMPILE_CACHE = join(tmpdir(), 'mailseal-test-compile-cache')

export const PASSWORD = 'correct horse'
export const ADMINISTRATOR = { administrator: 'admin', password: 'a password for tests alone' }

/** What the tests need of a KM server. */
interface Server {
  readonly url: string
  readonly folder: string
  readonly clock: { readonly at: number }
}

const moduleFile = (name: string) => fileURLToPath(new URL(name, import.meta.url))

/** How Node is told to kill a program at a moment. */
export function dieAt(moment: number, { onSignal = false } = {}) {
  return {
    args: ['--import', moduleFile('die-at.ts')],
    env: { MAILSEAL_TEST_DIE_AT: String(moment), ...(onSignal && { MAILSEAL_TEST_DIE_ON_SIGNAL: '1' }) },
  }
}

export const SERVER_CHILD = moduleFile('server-child.ts')

/** Runs a step of an agent in a process of its own, killed at a moment if one is given. */
export function runStep(step: Step, moment?: number): Promise<Outcome> {
  const { args, env } = moment === undefined ? { args: [], env: {} } : dieAt(moment)
  const environment = { ...env, NODE_COMPILE_CACHE: COMPILE_CACHE }
  return run(process.execPath, [...args, moduleFile('agent-child.ts'), JSON.stringify(step)], { env: environment })
}

export function administratorOf({ url }: Server): Admin {
  return openAdmin({ server: url, credentials: async () => [ADMINISTRATOR] })
}

/** An agent in this process. */
export function agentAt(home: string, { clock }: Server): Promise<Agent> {
  return openAgent({ home, password: async () => PASSWORD, clock: { now: () => clock.at }, argon2: CHEAP_ARGON2 })
}

export const newHome = ({ folder }: Server) => mkdtemp(join(folder, 'home-'))

export async function issueOne(
  issued: Promise<readonly (IssuedKey | { readonly error: unknown })[]>,
): Promise<IssuedKey> {
  const [key] = await issued
  if (key === undefined || 'error' in key) throw new Error('no temporary key', { cause: key?.error })
  return key
}

/** Enrolls in this process. */
export async function enrollHere(server: Server, home: string, { address, temporaryKey }: IssuedKey) {
  const agent = await agentAt(home, server)
  try {
    return await agent.enroll({ address, temporaryKey, server: server.url })
  } finally {
    agent.close()
  }
}

/** A letter that somebody encrypts to a published certificate. */
export async function letterTo(server: Server, fingerprint: string): Promise<Uint8Array> {
  const response = await fetch(server.url + PATHS.certificates + fingerprint)
  const armored = await openpgp.encrypt({
    message: await openpgp.createMessage({ text: 'Content-Type: text/plain\r\n\r\nAt noon.\r\n' }),
    encryptionKeys: await openpgp.readKey({ binaryKey: new Uint8Array(await response.arrayBuffer()) }),
    date: new Date(server.clock.at * 1000),
  })
  return Buffer.from(
    `From: carol@example.net\r\nTo: alice@example.org\r\nSubject: ...\r\nMIME-Version: 1.0\r\n` +
      'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=b\r\n\r\n' +
      '--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n' +
      `--b\r\nContent-Type: application/octet-stream\r\n\r\n${armored.replace(/\r?\n/g, '\r\n')}\r\n--b--\r\n`,
  )
}

/** That a mailbox and a computer are as one enrollment or renewal leaves them, with every letter opening. */
export async function assertWhole(
  server: Server,
  { address, home, letters }: { address: string; home: string; letters: readonly Uint8Array[] },
): Promise<void> {
  const agent = await agentAt(home, server)
  try {
    const { serial, fingerprint } = await agent.status()
    for await (const [mailbox] of administratorOf(server).mailboxes.list({ addresses: [address] })) {
      expect(mailbox).toMatchObject({ status: 'Active', certificate: { serial, fingerprint, expired: false } })
    }
    const { keys } = await agent.keyFile.info()
    expect(keys[0]?.fingerprint).toBe(fingerprint)
    for (const letter of [...letters, await letterTo(server, fingerprint)]) {
      expect((await agent.open(letter)).text).toContain('At noon.')
    }
  } finally {
    agent.close()
  }
  const left = await readdir(home)
  expect(left.filter((name) => name.endsWith('.tmp') || name === 'enrollment.pending')).toEqual([])
}
