import { PATHS } from '@mailseal/common/rpc'
import { describe, expect, it } from 'vitest'
import { aliceOf, carryKeyFile } from '../support/computers.ts'
import { drop, LETTER, network } from '../support/enrolling.ts'

const letter = LETTER('alice@example.org')

async function enrolledAlice() {
  const alice = await aliceOf()
  const home = await alice.computer()
  const enrolled = await alice.enroll(home.agent)
  return { ...alice, home, agent: home.agent, enrolled }
}

describe('revoking the own certificate', () => {
  it('is on the list at once, here and for everybody', async () => {
    const { server, agent, enrolled } = await enrolledAlice()
    const signed = await agent.sign(letter)
    server.clock.at += 60
    const { serial, fingerprint } = enrolled
    const result = await agent.revoke({ reason: 'compromised' })
    expect(result).toEqual({
      address: 'alice@example.org',
      fingerprint,
      serials: [serial],
      reason: 'compromised',
      crlNumber: expect.any(Number),
      already: false,
      warnings: [],
    })
    expect((await agent.status()).crl.number).toBeGreaterThanOrEqual(result.crlNumber as number)
    expect((await agent.status()).warnings).toEqual([
      {
        code: 'own-certificate-revoked',
        message:
          'your certificate was revoked on 2026-09-21; ask your administrator for a new temporary key, then enroll again',
      },
    ])
    await expect(agent.sign(letter)).rejects.toMatchObject({ code: 'certificate-revoked' })
    const { signature } = await agent.verify(signed)
    expect(signature).toMatchObject({ status: 'revoked', reason: 'compromised' })
    expect((await server.task('mailboxes.list', {})).mailboxes[0]?.status).toBe('Disabled')
  })

  it('says no reason unless one is given', async () => {
    const { agent } = await enrolledAlice()
    expect(await agent.revoke()).toMatchObject({ reason: 'unspecified' })
  })

  it('again changes nothing, also where the first answer was lost', async () => {
    const { home, agent, enrolled } = await enrolledAlice()
    const { fetch: losing } = network({ path: PATHS.requests, answer: drop })
    const unlucky = await home.again({ fetch: losing })
    await expect(unlucky.revoke()).rejects.toMatchObject({ code: 'server-unreachable' })
    expect(await agent.revoke()).toMatchObject({ serials: [enrolled.serial], already: true, warnings: [] })
    expect(await agent.revoke()).toMatchObject({ serials: [enrolled.serial], already: true })
  })

  it('is remembered here without the list, which may have been taken from us', async () => {
    const { agent, home } = await enrolledAlice()
    const { fetch: withholding } = network({ path: PATHS.crl, answer: drop })
    const held = await home.again({ fetch: withholding })
    const { warnings } = await held.revoke()
    expect(warnings).toMatchObject([{ code: 'server-unreachable' }])
    expect(warnings[0]?.message).toContain('fetch the revocation list: mailseal sync')
    await expect(agent.sign(letter)).rejects.toMatchObject({ code: 'certificate-revoked' })
  })

  it('is not believed where only the answer says so', async () => {
    const { server, home, enrolled } = await enrolledAlice()
    const { serial } = enrolled
    const lying: typeof fetch = (input, init) =>
      new URL(String(input)).pathname === PATHS.requests
        ? Promise.resolve(Response.json({ serials: [serial], crlNumber: 1 }))
        : fetch(input, init)
    const deceived = await home.again({ fetch: lying })
    await expect(deceived.revoke({ reason: 'compromised' })).rejects.toMatchObject({
      code: 'untrusted',
      message: 'the KM server says that your certificate is revoked, and nothing that it publishes does',
    })
    expect((await server.task('mailboxes.list', {})).mailboxes[0]?.status).toBe('Active')
    expect(await home.agent.revoke()).toMatchObject({ serials: [serial], already: false })
  })

  it('whose certificate has expired is proven by what is published of it', async () => {
    const alice = await enrolledAlice()
    const { server, agent, enrolled } = alice
    server.clock.at = enrolled.validTo + 60
    await alice.publishList()
    expect(await agent.revoke()).toMatchObject({ serials: [], warnings: [] })
  })

  it('is no way for a computer whose key was replaced to revoke the newer one', async () => {
    const alice = await enrolledAlice()
    const second = await alice.computer()
    await carryKeyFile(alice.home, second)
    await alice.enroll(second.agent, await alice.recover())
    await expect(alice.agent.revoke()).rejects.toMatchObject({ code: 'certificate-revoked' })
    expect(await second.agent.status()).toMatchObject({ warnings: [] })
    expect((await alice.server.task('mailboxes.list', {})).mailboxes[0]?.status).toBe('Active')
  })
})
