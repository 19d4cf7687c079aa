import { equalBytes, LIMITS, systemClock, systemRandom } from '@mailseal/common'
import { openEnrollmentReply } from '@mailseal/common/enrollment'
import { PATHS } from '@mailseal/common/rpc'
import { createAuthorityDocuments } from '../packages/server/src/authority-documents.ts'
import { openOutbox } from '../packages/server/src/mail/outbox.ts'
import { openListPublisher } from '../packages/server/src/revocation-list.ts'
import { prepareStartupSecret, unlock } from '../packages/server/src/start-up/index.ts'
import { databasePath, openSqliteStore } from '../packages/server/src/store/sqlite/index.ts'
import type { TaskContext } from '../packages/server/src/tasks/context.ts'
import { createEnroll, type Enroll } from '../packages/server/src/tasks/enroll.ts'
import { makeOrganization, type Organization } from '../test/support/organization.ts'
import { type Benchmark, type Effort, type Row, row } from './benchmark.ts'
import { inFlight, interleaved, type Round, secondsOf } from './measure.ts'
import { makePrimitives, PRIMITIVES } from './support/enrollment-primitives.ts'
import { connectTo, type PreparedEnrollment, prepareEnrollments, senderTo } from './support/enrollments.ts'

/** Enrollments under way at the same time. */
const IN_FLIGHT = 8
const ENROLLMENTS_A_ROUND = 40

export const enroll: Benchmark = {
  name: 'enroll',
  summary: 'enrollments per second at the KM server with durable commits, beside the sum of their primitives',
  async run(effort) {
    const organization = await makeOrganization()
    try {
      const context = await openContext(organization)
      try {
        return await measure(organization, context, effort)
      } finally {
        await context.store.close()
      }
    } finally {
      await organization.end()
    }
  },
}

/** As `startServer` makes it, over the same data. The server that runs there beside it stands still meanwhile. */
async function openContext({ dataFolder, url }: Organization): Promise<TaskContext> {
  const [clock, random, documents] = [systemClock, systemRandom, createAuthorityDocuments()]
  const { secret } = await prepareStartupSecret({ dataFolder, env: {} }, random)
  const store = await openSqliteStore(databasePath(dataFolder))
  const unlocked = await unlock(store, secret)
  const lists = await openListPublisher({ store, unlocked, documents, clock })
  const outbox = await openOutbox({ store, dataFolder, random, log: () => undefined })
  return { store, unlocked, documents, lists, outbox, clock, random, serverUrl: url }
}

/** An enrollment that was sent, and what came back. */
interface Answered {
  readonly prepared: PreparedEnrollment
  readonly reply: Uint8Array
}

async function measure(organization: Organization, context: TaskContext, effort: Effort): Promise<Row[]> {
  const each = effort.times(ENROLLMENTS_A_ROUND)
  const waiting = await prepareEnrollments(organization.url, 1 + 2 * each * (effort.rounds + 1))
  const answered: Answered[] = []
  const enrollOver = (enroll: Enroll) => async (prepared: PreparedEnrollment) => {
    answered.push({ prepared, reply: await enroll(prepared.request) })
  }
  const here = enrollOver(createEnroll(context))
  const overHttp = enrollOver(senderTo(organization.url))

  for (const first of waiting.splice(0, 1)) await here(first)
  using primitives = await makePrimitives(organization.folder, sizesOf(answered))
  const round =
    <Item>(items: () => readonly Item[], work: (item: Item) => Promise<unknown>): Round =>
    async () => {
      const batch = items()
      return (await secondsOf(() => inFlight(IN_FLIGHT, batch, work))) / each
    }
  const next = () => waiting.splice(0, each)
  const seconds = await interleaved(effort, {
    here: round(next, here),
    hpke: round(times(each), primitives.hpke),
    checks: round(times(each), primitives.checks),
    certification: round(times(each), primitives.certification),
    reply: round(times(each), primitives.reply),
    commit: round(times(each), primitives.commit),
    overHttp: round(next, overHttp),
  })
  await assertEnrolled(organization.url, answered)

  const sum = PRIMITIVES.reduce((total, { name }) => total + seconds[name], 0)
  const beside = (name: string, value: number) =>
    row({ name, unit: '1/s', against: 'sum of its primitives' }, { value: 1 / value, againstValue: 1 / sum })
  const part = (label: string, value: number) =>
    row(
      { name: `enroll: ${label}`, unit: 'ms', against: 'one enrollment' },
      { value: value * 1000, againstValue: seconds.here * 1000 },
    )
  return [
    beside('enroll', seconds.here),
    ...PRIMITIVES.map(({ name, label }) => part(label, seconds[name])),
    beside('enroll over HTTP', seconds.overHttp),
  ]
}

const times = (count: number) => () => Array.from({ length: count }, (_, index) => index)

function sizesOf([first]: readonly Answered[]): { request: number; reply: number } {
  if (first === undefined) throw new TypeError('nothing was answered')
  return { request: first.prepared.request.length, reply: first.reply.length }
}

/** Each reply opens, and the certificate in it is the one that the other process finds in the database. */
async function assertEnrolled(server: string, answered: readonly Answered[]): Promise<void> {
  const client = connectTo(server)
  await inFlight(IN_FLIGHT, answered, async ({ prepared, reply }) => {
    const { certificate } = openEnrollmentReply(prepared.replyKey, prepared.request, reply)
    const published = await client.getBytes(PATHS.certificates + prepared.address, LIMITS.certificate)
    const isCertified = certificate.length > prepared.key.certificate.length
    if (isCertified && published !== null && equalBytes(published.bytes, certificate)) return
    throw new Error(`${prepared.address} was answered, and is not enrolled`)
  })
}
