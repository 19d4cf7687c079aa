import {
  deriveTemporaryKeySecrets,
  parseTemporaryKey,
  systemClock,
  systemRandom,
  toBase64url,
  toHex,
} from '@mailseal/common'
import { sealArchiveEntry } from '@mailseal/common/archive-entry'
import { readAuthority } from '@mailseal/common/authority'
import { makeUserKey, type UserKey } from '@mailseal/common/certificate'
import { sealEnrollmentRequest } from '@mailseal/common/enrollment'
import { readOffer } from '@mailseal/common/offer'
import {
  createRpcClient,
  enrollAnswerSchema,
  type IssuedKey,
  PATHS,
  type RpcClient,
  TASKS,
  type TaskName,
  type TaskResult,
} from '@mailseal/common/rpc'
import type { ReplyKey } from '@mailseal/common/sealed-channel'
import { ADMINISTRATOR, ADMINISTRATOR_PASSWORD } from '../../test/support/organization.ts'
import { inFlight } from '../measure.ts'

/** Milliseconds. */
const DEADLINE = 60_000
const IN_FLIGHT = 4

/** An enrollment as an agent has prepared it, before it sends anything. */
export interface PreparedEnrollment {
  readonly address: string
  readonly key: UserKey
  readonly request: Uint8Array
  readonly replyKey: ReplyKey
}

export function connectTo(server: string): RpcClient {
  return createRpcClient({ server, fetch, timeout: DEADLINE })
}

/** Adds a mailbox for each address, and gives it a temporary key. */
export async function issueKeys(server: string, addresses: readonly string[]): Promise<IssuedKey[]> {
  const task = administratorAt(server)
  await inFlight(IN_FLIGHT, addresses, (address) => task('mailboxes.add', { address, name: 'Somebody' }))
  const { results } = await task('enable', { addresses })
  return results.map(asIssued)
}

function administratorAt(server: string) {
  const client = connectTo(server)
  const credentials = [{ administrator: ADMINISTRATOR, password: ADMINISTRATOR_PASSWORD }]
  return <T extends TaskName>(name: T, parameters: object): Promise<TaskResult<T>> => {
    const body = { requestId: toHex(systemRandom(16)), credentials, parameters }
    return client.post(PATHS.tasks + name, body, TASKS[name].result) as Promise<TaskResult<T>>
  }
}

function asIssued(result: TaskResult<'enable'>['results'][number]): IssuedKey {
  if ('error' in result) throw new Error(result.error.message)
  return result
}

/** Prepares the enrollment of so many new mailboxes, `user1@example.org` and on. */
export async function prepareEnrollments(server: string, count: number): Promise<PreparedEnrollment[]> {
  const addresses = Array.from({ length: count }, (_, index) => `user${index + 1}@example.org`)
  return inFlight(IN_FLIGHT, await issueKeys(server, addresses), prepare)
}

async function prepare(issued: IssuedKey): Promise<PreparedEnrollment> {
  const secrets = deriveTemporaryKeySecrets(parseTemporaryKey(issued.temporaryKey))
  const authority = readAuthority(issued.authority)
  const offer = readOffer({ offer: issued.offer, mac: issued.mac }, secrets.macKey)
  const key = await makeUserKey(offer.userId, systemClock.now())
  const { rootFingerprint, generation } = authority
  const subject = { rootFingerprint, generation, mailbox: offer.mailbox, subkeyFingerprint: key.subkeyFingerprint }
  const { request, replyKey } = await sealEnrollmentRequest(authority, offer, secrets, {
    certificate: toBase64url(key.certificate),
    keyRevocation: toBase64url(key.keyRevocation),
    subkeyRevocation: toBase64url(key.subkeyRevocation),
    archiveEntry: toBase64url(await sealArchiveEntry(authority.archiveKey, subject, key.secretSubkey)),
    agent: 'bench/1',
  })
  return { address: issued.address, key, request, replyKey }
}

/** Sends enrollment requests as agents do. */
export function senderTo(server: string): (request: Uint8Array) => Promise<Uint8Array> {
  const client = connectTo(server)
  return async (request) =>
    (await client.post(PATHS.enroll, { request: toBase64url(request) }, enrollAnswerSchema)).reply
}

/** People who are enrolled, without an agent of their own. */
export async function enrollPeople(server: string, count: number): Promise<PreparedEnrollment[]> {
  const people = await prepareEnrollments(server, count)
  const send = senderTo(server)
  await inFlight(IN_FLIGHT, people, ({ request }) => send(request))
  return people
}
