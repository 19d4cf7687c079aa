import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Agent, type AgentOptions, openAgent } from '@mailseal/agent'
import type { IssuedKey } from '@mailseal/common/rpc'
import { onTestFinished } from 'vitest'
import { enroll, type Organization, organization, soleResult } from '../../packages/server/test/organization.ts'

export const PASSWORD = 'correct horse'
/** The cheapest that a key file may ask for: what the password costs is tested elsewhere. */
export const CHEAP_ARGON2 = { passes: 1, parallelism: 1, memoryExponent: 3 }

/** A user's computer: an agent on a folder of its own, under the KM server's clock. */
export interface Computer {
  readonly home: string
  readonly agent: Agent
  /** Another agent on the same folder, as a second run of the program. */
  again(options?: Partial<AgentOptions>): Promise<Agent>
}

/** An organization with a KM server of its own and a mailbox, on computers that share its clock. */
export async function aliceOf({ address = 'alice@example.org' } = {}) {
  const server = await organization()
  const issued = await server.enabled(address)
  return {
    server,
    address,
    issued,
    computer: (options: Partial<AgentOptions> = {}) => computer(server, options),
    /** Enrolls with a temporary key. */
    enroll: (agent: Agent, { temporaryKey }: Pick<IssuedKey, 'temporaryKey'> = issued) =>
      agent.enroll({ temporaryKey, server: server.url }),
    /** Has the KM server sign its list anew, as it does every hour by a clock that no test moves. */
    publishList: async () => {
      const stranger = `stranger${server.clock.at}@example.org`
      await enroll(server.rpc, await server.enabled(stranger), server.clock.at)
      await server.task('revoke', { addresses: [stranger], reason: 'left' })
    },
    recover: async () => soleResult(await server.task('recover', { addresses: [address] })) as IssuedKey,
  }
}

async function computer(server: Organization, options: Partial<AgentOptions>): Promise<Computer> {
  const home = await mkdtemp(join(tmpdir(), 'mailseal-home-'))
  onTestFinished(() => rm(home, { recursive: true }))
  const again = async (more: Partial<AgentOptions> = {}) => {
    const settings = { clock: server.clock, argon2: CHEAP_ARGON2, password: async () => PASSWORD }
    const agent = await openAgent({ home, ...settings, ...options, ...more })
    onTestFinished(() => agent.close())
    return agent
  }
  return { home, agent: await again(), again }
}

/** Takes the key file of one computer to another. */
export async function carryKeyFile(from: Computer, to: Computer) {
  const folder = await mkdtemp(join(tmpdir(), 'mailseal-stick-'))
  const copy = join(folder, 'copy.keyfile')
  try {
    await from.agent.keyFile.copy(copy)
    return await to.agent.keyFile.use(copy)
  } finally {
    await rm(folder, { recursive: true })
  }
}
