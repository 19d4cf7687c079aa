import { systemRandom } from '@mailseal/common'
import { parseCrl } from '@mailseal/common/crl'
import { PATHS } from '@mailseal/common/rpc'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createAuthorityDocuments } from '../src/authority-documents.ts'
import { record } from '../src/journal.ts'
import { openListPublisher } from '../src/revocation-list.ts'
import { unlock } from '../src/start-up/index.ts'
import { databasePath, openSqliteStore } from '../src/store/sqlite/index.ts'
import type { Store } from '../src/store/store.ts'
import { enroll, type Organization, organization, START, STARTUP_SECRET, soleResult } from './organization.ts'

const current = async ({ rpc }: Organization) => {
  const answer = await rpc.getBytes(PATHS.crl, 1_000_000)
  return parseCrl(answer?.bytes ?? new Uint8Array())
}

describe('the revocation list', () => {
  it('is there from the start, empty, for 24 hours, with the journal in it', async () => {
    const org = await organization()
    const { header, entries } = await current(org)
    expect(header).toMatchObject({ number: START, thisUpdate: START, nextUpdate: START + 86400, count: 0 })
    expect([...entries]).toEqual([])
    const { head } = await org.task('journal', {})
    expect(header.journal).toEqual({ index: 1, head })
  })

  it('lists everything that was revoked when revoke answers, in few lists however many come at once', async () => {
    const org = await organization()
    const addresses = Array.from({ length: 6 }, (_, i) => `user${i}@example.org`)
    const users = []
    for (const address of addresses) users.push(await enroll(org.rpc, await org.enabled(address)))
    const before = performance.now()
    const answers = await Promise.all(
      addresses.map(async (address) => {
        const { crlNumber, serials } = soleResult(
          await org.task('revoke', { addresses: [address], reason: 'superseded' }),
        )
        const { header, entries } = await current(org)
        expect(header.number).toBeGreaterThanOrEqual(crlNumber ?? Number.NaN)
        const listed = [...entries].map(({ serial }) => serial)
        expect(listed).toEqual(expect.arrayContaining(serials))
        return crlNumber
      }),
    )
    const elapsed = performance.now() - before
    const { header, entries } = await current(org)
    expect([...entries].map(({ serial }) => serial)).toEqual(users.map(({ reply }) => reply.serial).sort())
    expect(answers).toHaveLength(6)
    // The clock stands still, so that each list has the number after the last.
    expect(header.number - START).toBeLessThanOrEqual(1 + elapsed / 1000)
    expect(header.number).toBeGreaterThan(START)
  })

  it('is made at start if an hour has passed or something happened since, and not otherwise', async () => {
    const org = await organization()
    await org.restart()
    expect((await current(org)).header.number).toBe(START)
    org.clock.at += 3599
    await org.restart()
    expect((await current(org)).header.number).toBe(START)
    org.clock.at += 1
    await org.restart()
    expect((await current(org)).header.number).toBe(START + 3600)
    await org.task('mailboxes.add', { address: 'alice@example.org', name: '' })
    await org.restart()
    expect((await current(org)).header.number).toBe(START + 3601)
  })

  it('from the future, made before the clock was set back, is replaced at start: agents would refuse it', async () => {
    const org = await organization()
    org.clock.at += 3 * 3600
    await org.restart()
    org.clock.at -= 3 * 3600
    await org.restart()
    const { header } = await current(org)
    expect(header).toMatchObject({ number: START + 3 * 3600 + 1, thisUpdate: START })
  })

  it('tells at the next start what was revoked just before a crash', async () => {
    const org = await organization()
    const user = await enroll(org.rpc, await org.enabled('alice@example.org'))
    await org.restart()
    const { header } = await current(org)
    await org.stop()
    // A revocation is committed with its journal entry; what a crash loses is the list alone.
    await revokeWithoutList(org, user.reply.serial)
    await org.restart()
    const after = await current(org)
    expect([...after.entries].map(({ serial }) => serial)).toEqual([user.reply.serial])
    expect(after.header.number).toBe(header.number + 1)
  })

  it('holds all that was revoked up to the journal head it names, also what is committed while it is being made', async () => {
    const org = await organization()
    const { reply } = await enroll(org.rpc, await org.enabled('alice@example.org'))
    await org.stop()
    const store = await openSqliteStore(databasePath(org.dataFolder), { clock: org.clock })
    onTestFinished(() => store.close())
    const options = {
      unlocked: await unlock(store, STARTUP_SECRET),
      documents: createAuthorityDocuments(),
      clock: org.clock,
    }
    const entriesOf = ({ bytes }: { bytes: Uint8Array }) => [...parseCrl(bytes).entries].map(({ serial }) => serial)
    let begin: () => Promise<unknown> = async () => undefined
    const overtaken: Store = {
      read: (work) =>
        store.read((reads) => {
          const revocations = async (day: number) => {
            const rows = await reads.revocations(day)
            await begin()
            return rows
          }
          return work({ ...reads, revocations })
        }),
      transaction: (work) => store.transaction(work),
      close: () => store.close(),
    }
    const lists = await openListPublisher({ ...options, store: overtaken })
    begin = () => revoke(store, org, reply.serial)
    expect(entriesOf(await lists.publish())).toEqual([])
    // The process ends here, before the next list.
    const { current } = await openListPublisher({ ...options, store })
    expect(entriesOf(current)).toEqual([reply.serial])
  })

  it('never has a number more than 24 hours ahead: with a clock set back nothing is revoked, rather than unheard', async () => {
    const org = await organization()
    await enroll(org.rpc, await org.enabled('alice@example.org'))
    org.clock.at -= 86401
    await expect(
      org.task('revoke', { addresses: ['alice@example.org'], reason: 'left' }).then(soleResult),
    ).rejects.toMatchObject({
      code: 'clock-wrong',
      message: 'the last revocation list is more than 24 hours ahead of the clock',
    })
    const { mailboxes } = await org.task('mailboxes.list', { addresses: ['alice@example.org'] })
    expect(mailboxes[0]).toMatchObject({ status: 'Active' })
    org.clock.at += 86401
    expect(soleResult(await org.task('revoke', { addresses: ['alice@example.org'], reason: 'left' }))).toMatchObject({
      status: 'Disabled',
    })
  })
})

async function revokeWithoutList(org: Organization, serial: string): Promise<void> {
  const store = await openSqliteStore(databasePath(org.dataFolder), { clock: org.clock })
  await revoke(store, org, serial)
  await store.close()
}

function revoke(store: Store, { clock }: Organization, serial: string): Promise<unknown> {
  return store.transaction(async (tx) => {
    await tx.putRevocation({ serial, revokedAt: clock.now(), expiryDay: 30000, reason: 'left' })
    const entry = { time: clock.now(), task: 'revoke', administrators: ['admin'], subject: 'alice@example.org' }
    await record(tx, systemRandom, { ...entry, result: 'done', requestId: '' })
  })
}
