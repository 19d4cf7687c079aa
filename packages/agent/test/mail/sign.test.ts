import { dayOf } from '@mailseal/common/crl'
import { PATHS } from '@mailseal/common/rpc'
import { describe, expect, it } from 'vitest'
import { enrolledAgent, frozen, makeOrganization, NOW, newAgent, noNetwork, published } from '../organization.ts'
import { letter } from './messages.ts'

const organization = await makeOrganization()
const alice = await organization.issue('alice@example.org', { name: 'Alice' })
const { validTo } = alice.key

describe('signing', () => {
  it('needs neither server nor revocation list', async () => {
    const { agent } = await enrolledAgent(organization, alice, { fetch: noNetwork })
    const signed = new TextDecoder().decode(await agent.sign(letter()))
    expect(signed).toContain('Content-Type: multipart/signed; micalg="pgp-sha512"')
    expect(signed).toContain('Subject: Lunch')
    expect((await agent.status()).crl.state).toBe('missing')
  })

  it('is for the own address alone', async () => {
    const { agent } = await enrolledAgent(organization, alice)
    await expect(agent.sign(letter({ from: 'Alice <alice@example.org.evil.example>' }))).rejects.toMatchObject({
      code: 'untrusted',
      exitCode: 102,
      message: 'the message is from alice@example.org.evil.example, and this computer signs for alice@example.org',
    })
    await expect(agent.sign(letter({ from: 'ALICE@example.org' }))).rejects.toMatchObject({ code: 'untrusted' })
    await expect(agent.sign(letter({ from: 'alice@example.org, bob@example.org' }))).rejects.toMatchObject({
      code: 'bad-data',
      message: 'message has no single From address',
    })
  })

  it('ends with the certificate, to the second', async () => {
    const home = (await enrolledAgent(organization, alice)).home
    const last = await newAgent({ home, clock: frozen(validTo - 1) })
    await last.agent.sign(letter())
    const { agent } = await newAgent({ home, clock: frozen(validTo) })
    await expect(agent.sign(letter())).rejects.toMatchObject({
      code: 'certificate-expired',
      exitCode: 101,
      message: 'your certificate expired on 2028-03-21 14:13 UTC',
    })
  })

  it('waits for the certificate to begin, where a clock is wrong', async () => {
    const home = (await enrolledAgent(organization, alice)).home
    const { agent } = await newAgent({ home, clock: frozen(NOW - 1) })
    await expect(agent.sign(letter())).rejects.toMatchObject({ code: 'clock-wrong' })
  })

  it('is refused when the own list has the own certificate, before a password is asked for', async () => {
    const { serial } = alice
    const entries = [{ serial, revokedAt: NOW - 60, expiryDay: dayOf(validTo), reason: 'left' }] as const
    const { agent } = await enrolledAgent(organization, alice, {
      fetch: published({ [PATHS.crl]: await organization.list({ entries }) }),
    })
    await agent.verify(letter())
    await expect(agent.sign(letter())).rejects.toMatchObject({
      code: 'certificate-revoked',
      exitCode: 100,
      message: 'your certificate was revoked on 2026-09-21',
    })
    expect((await agent.status()).warnings.map((warning) => warning.code)).toEqual(['own-certificate-revoked'])
  })

  it('takes the right password', async () => {
    const home = (await enrolledAgent(organization, alice)).home
    const { agent } = await newAgent({ home, password: async () => 'wrong horse' })
    await expect(agent.sign(letter())).rejects.toMatchObject({ code: 'password-wrong', exitCode: 105 })
  })

  it('comes after enrolling', async () => {
    const { agent } = await newAgent()
    await expect(agent.sign(letter())).rejects.toMatchObject({ code: 'not-enrolled' })
  })
})
