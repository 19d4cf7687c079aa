import type { Agent, Warning } from '@mailseal/agent'
import { addMonths, SPANS } from '@mailseal/common'
import { PATHS } from '@mailseal/common/rpc'
import { describe, expect, it } from 'vitest'
import { aliceOf, carryKeyFile } from '../support/computers.ts'
import { changedJson, drop, LETTER, network } from '../support/enrolling.ts'

const MONTH_12 = SPANS.renewalMonths
const GRACE = SPANS.renewalGraceDays * SPANS.day

/** What concerns the own certificate; lists grow old in tests that step over months. */
const own = (warnings: readonly Warning[]) => warnings.filter(({ code }) => !code.startsWith('crl-'))
const warningsOf = async (agent: Agent) => own((await agent.status()).warnings)

async function enrolledAlice() {
  const alice = await aliceOf()
  const computer = await alice.computer()
  const enrolled = await alice.enroll(computer.agent)
  const due = addMonths(enrolled.validFrom, MONTH_12)
  return { ...alice, home: computer, agent: computer.agent, enrolled, due }
}

/** What the administrator sees. */
async function certificateAtServer({ server }: Awaited<ReturnType<typeof enrolledAlice>>) {
  const { mailboxes } = await server.task('mailboxes.list', {})
  return mailboxes[0]?.certificate
}

describe('renewal', () => {
  it('is announced from month 12 on, and gives 18 months more under a new serial number', async () => {
    const alice = await enrolledAlice()
    const { server, agent, enrolled, due } = alice
    server.clock.at = due - 1
    expect(await warningsOf(agent)).toEqual([])
    server.clock.at = due
    expect(await warningsOf(agent)).toEqual([
      {
        code: 'renewal-due',
        message: 'Your security certificates are approaching expiration. Renew yours before 2028-03-21: mailseal renew',
      },
    ])
    const renewed = await agent.renew()
    expect(renewed).toMatchObject({ renewed: true, fingerprint: enrolled.fingerprint, validFrom: due })
    expect(renewed.serial).not.toBe(enrolled.serial)
    expect(renewed.validTo).toBe(addMonths(due, SPANS.certificateMonths))
    expect(await agent.status()).toMatchObject({ serial: renewed.serial, validTo: renewed.validTo })
    expect(await warningsOf(agent)).toEqual([])
    expect(await certificateAtServer(alice)).toMatchObject({ serial: renewed.serial })
  })

  it('is said by every command that unlocks the key file, and by no other', async () => {
    const { server, home, agent, due } = await enrolledAlice()
    server.clock.at = due
    expect(agent.attention()).toEqual([])
    const signing = await home.again()
    await signing.sign(LETTER('alice@example.org'))
    expect(signing.attention()).toMatchObject([{ code: 'renewal-due' }])
  })

  it('too early is nothing to do', async () => {
    const { server, agent, enrolled, due } = await enrolledAlice()
    server.clock.at = due - SPANS.day
    expect(await agent.renew()).toMatchObject({ renewed: false, serial: enrolled.serial, renewFrom: due })
  })

  it('of which the answer was lost is finished by running it again, and made once', async () => {
    const alice = await enrolledAlice()
    const { server, home, agent, enrolled, due } = alice
    server.clock.at = due
    const { fetch: losing } = network({ path: PATHS.requests, answer: drop })
    const unlucky = await home.again({ fetch: losing })
    await expect(unlucky.renew()).rejects.toMatchObject({ code: 'server-unreachable' })
    expect(await agent.status()).toMatchObject({ serial: enrolled.serial })
    const made = await certificateAtServer(alice)
    expect(made?.serial).not.toBe(enrolled.serial)
    expect(await agent.renew()).toMatchObject({ renewed: true, serial: made?.serial })
    expect(await agent.renew()).toMatchObject({ renewed: false, serial: made?.serial })
    expect(await certificateAtServer(alice)).toEqual(made)
  })

  it('by two runs at once ends with one certificate', async () => {
    const alice = await enrolledAlice()
    const { server, home, agent, due } = alice
    server.clock.at = due
    const both = await Promise.all([agent.renew(), (await home.again()).renew()])
    const made = await certificateAtServer(alice)
    expect(both.map(({ serial }) => serial)).toEqual([made?.serial, made?.serial])
    expect(await agent.status()).toMatchObject({ serial: made?.serial })
  })

  it('whose answer is not our certificate is refused, and nothing is lost', async () => {
    const alice = await enrolledAlice()
    const { server, home, agent, enrolled, due } = alice
    const bob = await alice.computer()
    const { serial } = await alice.enroll(bob.agent, await server.enabled('bob@example.org'))
    server.clock.at = due
    const path = `${server.url}${PATHS.certificates}bob@example.org`
    const certificate = Buffer.from(await (await fetch(path)).arrayBuffer()).toString('base64url')
    const answer = async (change: object) => {
      const changed = network({ path: PATHS.requests, answer: changedJson((body) => ({ ...body, ...change })) })
      const hideCertificate: typeof fetch = (input, init) =>
        String(input).includes(PATHS.certificates) ? Promise.reject(new TypeError('lost')) : changed.fetch(input, init)
      return (await home.again({ fetch: hideCertificate })).renew()
    }
    const refused = (fault: string) => ({ code: 'untrusted', message: `the certificate in the answer ${fault}` })
    await expect(answer({ certificate, serial })).rejects.toMatchObject(refused('is for another key'))
    await expect(answer({ serial })).rejects.toMatchObject(
      refused('is not certified by the organization as it has to be'),
    )
    expect(await agent.status()).toMatchObject({ serial: enrolled.serial })
    expect(await agent.renew()).toMatchObject({ renewed: true, serial: (await certificateAtServer(alice))?.serial })
  })

  it('whose answer is the certificate from before is refused, and not taken for nothing to do', async () => {
    const { server, home, enrolled, due } = await enrolledAlice()
    const { serial, fingerprint } = enrolled
    const before = await (await fetch(`${server.url}${PATHS.certificates}${fingerprint}`)).arrayBuffer()
    server.clock.at = due
    const certificate = Buffer.from(before).toString('base64url')
    const replaying: typeof fetch = (input, init) =>
      new URL(String(input)).pathname === PATHS.requests
        ? Promise.resolve(Response.json({ serial, certificate }))
        : fetch(input, init)
    await expect((await home.again({ fetch: replaying })).renew()).rejects.toMatchObject({
      code: 'untrusted',
      message: 'the certificate in the answer is not certified by the organization as it has to be',
    })
  })

  it('is still possible within the grace after the end, and then no more', async () => {
    const alice = await enrolledAlice()
    const { server, agent, enrolled } = alice
    server.clock.at = enrolled.validTo
    expect(await warningsOf(agent)).toEqual([
      { code: 'own-certificate-expired', message: 'your certificate expired on 2028-03-21; renew it: mailseal renew' },
    ])
    const letter = LETTER('alice@example.org')
    await expect(agent.sign(letter)).rejects.toMatchObject({
      code: 'certificate-expired',
      hint: 'renew it: mailseal renew',
    })
    server.clock.at = enrolled.validTo + GRACE
    expect(await agent.renew()).toMatchObject({ renewed: true, validFrom: server.clock.at })
    expect((await agent.sign(letter)).length).toBeGreaterThan(letter.length)
  })

  it('after the grace is refused with the way out', async () => {
    const { server, agent, enrolled } = await enrolledAlice()
    server.clock.at = enrolled.validTo + GRACE + 1
    const message =
      'your certificate expired on 2028-03-21; it is too late to renew it; ask your administrator to recover your key, then enroll again'
    expect(await warningsOf(agent)).toEqual([{ code: 'own-certificate-expired', message }])
    await expect(agent.renew()).rejects.toMatchObject({
      code: 'certificate-expired',
      hint: 'ask your administrator for a key recovery ("mailseal-admin recover alice@example.org")',
    })
  })

  it('of a revoked certificate is refused', async () => {
    const { server, agent, due } = await enrolledAlice()
    server.clock.at = due
    await server.task('revoke', { addresses: ['alice@example.org'], reason: 'left' })
    await expect(agent.renew()).rejects.toMatchObject({ code: 'certificate-revoked', exitCode: 100 })
    await agent.sync()
    await expect(agent.renew()).rejects.toMatchObject({
      code: 'certificate-revoked',
      message: 'your certificate was revoked on 2027-09-21',
    })
  })
})

describe('a renewal on one of two computers', () => {
  it('comes to the other by sync, or by renewing there too', async () => {
    const alice = await enrolledAlice()
    const { server, home, agent, due } = alice
    const [second, third] = [await alice.computer(), await alice.computer()]
    await carryKeyFile(home, second)
    await carryKeyFile(home, third)
    server.clock.at = due
    const { serial } = await agent.renew()
    server.clock.at = due + SPANS.day
    expect(await warningsOf(second.agent)).toMatchObject([{ code: 'renewal-due' }])
    await alice.publishList()
    expect(own((await second.agent.sync()).warnings)).toEqual([])
    expect(await second.agent.status()).toMatchObject({ serial })
    expect(await warningsOf(second.agent)).toEqual([])
    expect(await third.agent.renew()).toMatchObject({ renewed: true, serial })
    expect(await certificateAtServer(alice)).toMatchObject({ serial })
  })

  it('is not undone by a key file from before it', async () => {
    const { server, home, agent, due } = await enrolledAlice()
    server.clock.at = due
    const { serial, validTo } = await agent.renew()
    expect(await carryKeyFile(home, home)).toMatchObject({ serial, validTo })
    expect(await agent.status()).toMatchObject({ serial, validTo })
  })
})
