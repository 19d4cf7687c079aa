import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock, systemRandom } from '@mailseal/common'
import { encryptionKeyOf } from '@mailseal/common/certificate'
import * as openpgp from 'openpgp'
import { sessionKeyFor } from '../packages/common/src/certificate/message-packets.ts'
import { type Gnupg, makeGnupg } from '../test/support/gnupg.ts'
import { makeOrganization, type Organization } from '../test/support/organization.ts'
import { type Benchmark, type Effort, type Row, row } from './benchmark.ts'
import { interleaved, type Round, secondsOf } from './measure.ts'
import { type EnrolledAgent, enrollAgent } from './support/agents.ts'
import { enrollPeople } from './support/enrollments.ts'
import { importKeys, runGpg } from './support/gpg-files.ts'
import { letter } from './support/letters.ts'

/** Beside oneself. */
const RECIPIENTS = [1, 10, 100]
const MESSAGES_A_ROUND = 5

export const encrypt: Benchmark = {
  name: 'encrypt',
  summary: 'signing and encrypting a message of 10 KB to others and oneself, beside gpg and the bare key wraps',
  async run(effort) {
    const organization = await makeOrganization()
    const gpg = await makeGnupg()
    try {
      using user = await enrollAgent(organization, 'alice')
      return await measureAll({ organization, gpg, user }, effort)
    } finally {
      await gpg.end()
      await organization.end()
    }
  },
}

interface Bench {
  readonly organization: Organization
  readonly gpg: Gnupg
  readonly user: EnrolledAgent
}

interface Person {
  readonly address: string
  readonly certificate: Uint8Array
}

async function measureAll(bench: Bench, effort: Effort): Promise<Row[]> {
  const { organization, gpg, user } = bench
  const people = await enrollPeople(organization.url, Math.max(...RECIPIENTS))
  const others = people.map(({ address, key }) => ({ address, certificate: key.certificate }))
  const oneself = { address: user.address, certificate: await user.certificate() }
  await gpg.makeKey('gpg <gpg@example.com>')
  await importKeys(gpg, oneself.certificate, ...others.map(({ certificate }) => certificate))
  const rows: Row[] = []
  for (const count of RECIPIENTS) rows.push(...(await measure(bench, oneself, others.slice(0, count), effort)))
  return rows
}

async function measure(
  { organization, gpg, user }: Bench,
  oneself: Person,
  others: readonly Person[],
  effort: Effort,
): Promise<Row[]> {
  const addresses = others.map(({ address }) => address)
  const message = letter(user.address, addresses)
  const file = join(organization.folder, 'letter.eml')
  await writeFile(file, message)
  const recipients = [oneself, ...others]
  const toAll = recipients.flatMap(({ address }) => ['--recipient', address])
  const wrap = await keyWraps(recipients)
  await assertOpens(user, message, recipients.length)

  const times = effort.times(MESSAGES_A_ROUND)
  /** Milliseconds for each message. */
  const each =
    (work: () => Promise<unknown>): Round =>
    async () => {
      const all = async () => {
        for (let done = 0; done < times; done++) await work()
      }
      return ((await secondsOf(all)) * 1000) / times
    }
  const found = await interleaved(effort, {
    encrypt: each(() => user.agent.encrypt(message)),
    gpg: each(() => runGpg(gpg, ['--yes', '--armor', '--sign', '--encrypt', ...toAll, file], 'END_ENCRYPTION', 1)),
    wraps: each(wrap),
  })
  const beside = (against: string, againstValue: number) =>
    row({ name: `encrypt to ${others.length}`, unit: 'ms', against }, { value: found.encrypt, againstValue })
  return [beside('gpg --sign --encrypt', found.gpg), beside('bare key wraps', found.wraps)]
}

/** ECDH and AES key wrap of one session key to everybody, as OpenPGP.js does it, and nothing else. */
async function keyWraps(people: readonly Person[]): Promise<() => Promise<void>> {
  const now = systemClock.now()
  const found = await Promise.all(people.map(({ certificate }) => encryptionKeyOf(certificate, now)))
  const keys = found.filter((key) => key !== null)
  return async () => {
    const sessionKey = systemRandom(32)
    await Promise.all(
      keys.map((key) =>
        sessionKeyFor({
          version: 3,
          encryptionKeyPacket: key,
          anonymousRecipient: false,
          sessionKey,
          sessionKeyAlgorithm: openpgp.enums.symmetric.aes256,
        }).encrypt(key),
      ),
    )
  }
}

/** The sender can open what was encrypted, and it is for so many. */
async function assertOpens({ agent }: EnrolledAgent, plain: Uint8Array, count: number): Promise<void> {
  const { message } = await agent.encrypt(plain)
  const { summary, recipients } = await agent.open(message)
  if (summary === 'confidential+verified' && recipients.length === count) return
  throw new Error(`a message to ${count} was found ${summary}, for ${recipients.length}`)
}
