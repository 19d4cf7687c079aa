import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Warning } from '@mailseal/agent'
import { SPANS } from '@mailseal/common'
import { describe, expect, it } from 'vitest'
import { aliceOf, carryKeyFile } from '../support/computers.ts'
import { LETTER } from '../support/enrolling.ts'

const codes = (warnings: readonly Warning[]) => warnings.map(({ code }) => code).sort()

async function onTwoComputers() {
  const alice = await aliceOf()
  const [first, second] = [await alice.computer(), await alice.computer()]
  const enrolled = await alice.enroll(first.agent)
  await carryKeyFile(first, second)
  await second.agent.sync()
  return { ...alice, first, second, enrolled }
}

describe('a recovery on one of two computers', () => {
  it('makes the other say so, with how to bring the new key file', async () => {
    const alice = await onTwoComputers()
    const { server, first, second } = alice
    server.clock.at += SPANS.day
    const renewed = await alice.enroll(second.agent, await alice.recover())
    expect(codes((await second.agent.status()).warnings)).toEqual([])
    const { warnings } = await first.agent.sync()
    expect(codes(warnings)).toEqual(['foreign-own-certificate', 'own-certificate-revoked'])
    const said = warnings.map(({ message }) => message).join('\n')
    expect(said).toContain('your certificate was replaced by a newer one on 2026-09-22')
    expect(said).toContain('there "mailseal keyfile copy FILE", here "mailseal keyfile use FILE"')
    expect(said).toContain(`that is not yours (${renewed.fingerprint})`)
    // Not only once, and not only by status.
    expect(codes((await first.again()).attention())).toEqual(['foreign-own-certificate'])

    expect(await carryKeyFile(second, first)).toMatchObject({ serial: renewed.serial })
    expect((await first.agent.status()).warnings).toEqual([])
    expect((await first.agent.sign(LETTER('alice@example.org'))).length).toBeGreaterThan(0)
  })
})

describe('a certificate for the own address that is not ours', () => {
  it('is warned about until it is acknowledged, and then no more', async () => {
    const alice = await onTwoComputers()
    const { first, second } = alice
    const { fingerprint } = await alice.enroll(second.agent, await alice.recover())
    await first.agent.sync()
    const spelled = (fingerprint.toUpperCase().match(/.{4}/g) ?? []).join(' ')
    await first.agent.acknowledge(spelled)
    await first.agent.sync()
    expect((await first.again()).attention()).toEqual([])
    // Any other is another matter.
    await alice.enroll(second.agent, await alice.recover())
    await first.agent.sync()
    expect(codes(first.agent.attention())).toEqual(['foreign-own-certificate'])
  })

  it('is named by its fingerprint, and only such a one', async () => {
    const { first } = await onTwoComputers()
    await expect(first.agent.acknowledge('abc')).rejects.toMatchObject({
      code: 'usage',
      message: 'the fingerprint does not have 40 hex digits',
    })
    await expect(first.agent.acknowledge('ab'.repeat(20))).rejects.toMatchObject({
      code: 'not-found',
      message: 'no foreign certificate with this fingerprint was seen here',
    })
  })

  it('does not alarm for an old key that is in the key file', async () => {
    const alice = await onTwoComputers()
    const { first } = alice
    await alice.enroll(first.agent, await alice.recover())
    for (const name of ['state.sqlite', 'state.sqlite-wal', 'state.sqlite-shm']) {
      await rm(join(first.home, name), { force: true })
    }
    const again = await first.again()
    await again.keyFile.use(join(first.home, 'mailseal.keyfile'))
    await again.sync()
    expect(again.attention()).toEqual([])
    expect((await readFile(join(first.home, 'mailseal.keyfile'))).length).toBeGreaterThan(0)
  })
})
