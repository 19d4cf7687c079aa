import { systemRandom } from '@mailseal/common'
import { parseCrl } from '@mailseal/common/crl'
import { PATHS } from '@mailseal/common/rpc'
import { describe, expect, it } from 'vitest'
import { record } from '../src/journal.ts'
import { databasePath, openSqliteStore } from '../src/store/sqlite/index.ts'
import { enroll, type Organization, organization, START, soleResult } from './organization.ts'

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

  it('never has a number more than 24 hours ahead: a clock set back is an error, not a silence', async () => {
    const org = await organization()
    await enroll(org.rpc, await org.enabled('alice@example.org'))
    org.clock.at -= 86401
    await expect(
      org.task('revoke', { addresses: ['alice@example.org'], reason: 'left' }).then(soleResult),
    ).rejects.toMatchObject({
      code: 'clock-wrong',
      message: 'the last revocation list is more than 24 hours ahead of the clock',
    })
  })
})

async function revokeWithoutList({ dataFolder, clock }: Organization, serial: string): Promise<void> {
  const store = await openSqliteStore(databasePath(dataFolder), { clock })
  await store.transaction(async (tx) => {
    await tx.addRevocation({ serial, revokedAt: clock.now(), expiryDay: 30000, reason: 'left' })
    const entry = { time: clock.now(), task: 'revoke', administrators: ['admin'], subject: 'alice@example.org' }
    await record(tx, systemRandom, { ...entry, result: 'done', requestId: '' })
  })
  await store.close()
}
