import { describe, expect, it } from 'vitest'
import { openAgent } from '../src/index.ts'
import { enrolledAgent, frozen, makeOrganization, NOW, newAgent, temporaryFolder } from './organization.ts'

const MONTH = 31 * 86_400

describe('options', () => {
  it('that nobody knows are named', async () => {
    const home = await temporaryFolder()
    await expect(openAgent({ home, sever: 'x' } as never)).rejects.toThrow(
      new TypeError('openAgent has no option "sever"'),
    )
    await expect(openAgent({ home, timeouts: { requests: 1 } } as never)).rejects.toThrow(
      new TypeError('timeouts has no option "requests"'),
    )
    const { agent } = await newAgent()
    await expect(agent.enroll({ temporaryKey: 'x', adress: 'y' } as never)).rejects.toThrow(
      new TypeError('enroll has no option "adress"'),
    )
    await expect(agent.report({ shown: true } as never)).rejects.toThrow(new TypeError('report has no option "shown"'))
  })
})

describe('the status', () => {
  it('says from month 12 on that the certificate should be renewed, and when it has expired', async () => {
    const organization = await makeOrganization()
    const alice = await organization.issue('alice@example.org')
    const { home, agent } = await enrolledAgent(organization, alice)
    const first = await agent.status()
    expect(first.warnings.map((warning) => warning.code)).toEqual(['crl-missing'])
    const codes = async (now: number) => {
      const { agent } = await newAgent({ home, clock: frozen(now) })
      return (await agent.status()).warnings.map((warning) => warning.code)
    }
    expect(await codes(first.renewFrom - 1)).toEqual(['crl-missing'])
    expect(await codes(first.renewFrom)).toEqual(['renewal-due', 'crl-missing'])
    expect(await codes(first.validTo)).toEqual(['own-certificate-expired', 'crl-missing'])
    expect(first.renewFrom).toBeGreaterThan(NOW + 11 * MONTH)
    const { agent: later } = await newAgent({ home, clock: frozen(first.renewFrom) })
    expect((await later.status()).warnings[0]?.message).toMatch(
      /^Your security certificates are approaching expiration\. /,
    )
  })
})

describe('a report', () => {
  it('shows what it would say, and needs no password for that', async () => {
    const organization = await makeOrganization()
    const alice = await organization.issue('alice@example.org')
    const { home } = await enrolledAgent(organization, alice)
    const { agent } = await newAgent({ home, password: () => Promise.reject(new Error('asked')) })
    expect(await agent.report({ show: true })).toEqual({
      purpose: 'report',
      root: organization.document.rootFingerprint,
      id: expect.stringMatching(/^[0-9a-f]{32}$/),
      time: NOW,
      serial: alice.serial,
      body: { crlNumber: 0, agent: expect.stringMatching(/^mailseal\/\d/) },
      serverCrlNumber: null,
    })
    await expect(agent.report()).rejects.toThrow('asked')
  })
})
