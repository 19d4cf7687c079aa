import { join } from 'node:path'
import { type Agent, openAgent } from '@mailseal/agent'
import { LIMITS } from '@mailseal/common'
import { PATHS } from '@mailseal/common/rpc'
import { type Organization, USER_PASSWORD } from '../../test/support/organization.ts'
import { connectTo, issueKeys } from './enrollments.ts'

/** Opens in a millisecond: no benchmark here is about passwords. */
const CHEAP_ARGON2 = { passes: 1, parallelism: 1, memoryExponent: 3 }

/** A user's agent on its folder. */
export interface EnrolledAgent extends Disposable {
  readonly agent: Agent
  readonly address: string
  /** Its `MAILSEAL_HOME`. */
  readonly home: string
  /** As the KM server publishes it. */
  certificate(): Promise<Uint8Array>
}

/** Enrolls an agent in a folder below the organization's. */
export async function enrollAgent({ folder, url }: Organization, name: string): Promise<EnrolledAgent> {
  const address = `${name}@example.org`
  const home = join(folder, `home-${name}`)
  const agent = await openAgent({ home, argon2: CHEAP_ARGON2, password: async () => USER_PASSWORD })
  const [issued] = await issueKeys(url, [address])
  if (issued === undefined) throw new TypeError('no temporary key was issued')
  const { temporaryKey, offer, mac, authority } = issued
  await agent.enroll({ temporaryKey, invitation: { offer, mac, authority, temporaryKey: null }, server: url })
  return {
    agent,
    address,
    home,
    certificate: () => certificateOf(url, address),
    [Symbol.dispose]: () => agent.close(),
  }
}

async function certificateOf(server: string, address: string): Promise<Uint8Array> {
  const answer = await connectTo(server).getBytes(PATHS.certificates + address, LIMITS.certificate)
  if (answer === null) throw new TypeError('nothing was asked for that is held already')
  return answer.bytes
}
