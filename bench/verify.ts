import { join } from 'node:path'
import { type Gnupg, makeGnupg } from '../test/support/gnupg.ts'
import { makeOrganization, type Organization } from '../test/support/organization.ts'
import { runProgram } from '../test/support/run.ts'
import { type Benchmark, type Effort, type Row, row } from './benchmark.ts'
import { interleaved, type Round, secondsOf } from './measure.ts'
import { type EnrolledAgent, enrollAgent } from './support/agents.ts'
import { enrollPeople } from './support/enrollments.ts'
import { importKeys, runGpg, writeFiles } from './support/gpg-files.ts'
import { type Letter, sealedLetter, signedLetter } from './support/letters.ts'

const LETTERS = 100

export const verify: Benchmark = {
  name: 'verify',
  summary: 'verifying and opening messages of 10 KB, one process for all of them, beside gpg',
  async run(effort) {
    const organization = await makeOrganization()
    const gpg = await makeGnupg()
    try {
      using user = await enrollAgent(organization, 'bob')
      return await measure({ organization, gpg, user }, effort)
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

async function measure({ organization, gpg, user }: Bench, effort: Effort): Promise<Row[]> {
  const count = effort.times(LETTERS)
  const [sender, gpgUser] = await enrollPeople(organization.url, 2)
  if (sender === undefined || gpgUser === undefined) throw new TypeError('nobody is enrolled')
  await importKeys(gpg, sender.key.certificate, gpgUser.key.secretKey)
  const certificates = [await user.certificate(), gpgUser.key.certificate]
  const signed = await some(count, () => signedLetter(sender))
  const sealed = await some(count, () => sealedLetter(sender, certificates))

  const files = {
    signed: await writeFiles(
      join(organization.folder, 'signed'),
      'eml',
      signed.map(({ message }) => message),
    ),
    gpgSigned: await writeFiles(
      join(organization.folder, 'gpg-signed'),
      'pgp',
      signed.map(({ packets }) => packets),
    ),
    gpgSealed: await writeFiles(
      join(organization.folder, 'gpg-sealed'),
      'pgp',
      sealed.map(({ packets }) => packets),
    ),
  }
  /** Milliseconds for each letter. */
  const each =
    (work: () => Promise<unknown>): Round =>
    async () =>
      ((await secondsOf(work)) * 1000) / count
  const found = await interleaved(effort, {
    verify: each(() => verifyAll(user, signed)),
    gpgVerify: each(() => runGpg(gpg, ['--verify-files', ...files.gpgSigned], 'GOODSIG', count)),
    program: each(() => verifyByProgram(user, files.signed)),
    open: each(() => openAll(user, sealed)),
    gpgOpen: each(() => runGpg(gpg, ['--yes', '--decrypt-files', ...files.gpgSealed], 'GOODSIG', count)),
  })
  const beside = (name: string, against: string, value: number, againstValue: number) =>
    row({ name, unit: 'ms', against }, { value, againstValue })
  return [
    beside('verify', 'gpg --verify-files', found.verify, found.gpgVerify),
    beside('verify, process included', 'gpg --verify-files', found.program, found.gpgVerify),
    beside('open', 'gpg --decrypt-files', found.open, found.gpgOpen),
  ]
}

async function some<T>(count: number, make: () => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, make))
}

/** As `mailseal verify` does with many files, in a process that runs already. */
async function verifyAll({ agent }: EnrolledAgent, letters: readonly Letter[]): Promise<void> {
  const verifier = await agent.openVerifier()
  try {
    for (const { message } of letters) assertSummary('verified', (await verifier.verify(message)).summary)
  } finally {
    verifier.close()
  }
}

async function verifyByProgram({ home }: EnrolledAgent, files: readonly string[]): Promise<void> {
  const outcome = await runProgram('mailseal', ['verify', '--json', ...files], { env: { MAILSEAL_HOME: home } })
  if (outcome.exitCode === 0) return
  throw new Error(`mailseal verify exited with ${outcome.exitCode}\n${outcome.stderr}`)
}

async function openAll({ agent }: EnrolledAgent, letters: readonly Letter[]): Promise<void> {
  const reader = await agent.openReader()
  try {
    for (const { message } of letters) assertSummary('confidential+verified', (await reader.open(message)).summary)
  } finally {
    reader.close()
  }
}

function assertSummary(expected: string, summary: string): void {
  if (summary !== expected) throw new Error(`a message was found ${summary} instead of ${expected}`)
}
