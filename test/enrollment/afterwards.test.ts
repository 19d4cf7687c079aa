import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { equalBytes, generateTemporaryKey, systemRandom } from '@mailseal/common'
import { describe, expect, it } from 'vitest'
import {
  agentAt,
  asIssued,
  invitationOf,
  LETTER,
  newAgent,
  newHome,
  newMailbox,
  organization,
  task,
  useOrganization,
} from '../support/enrolling.ts'

useOrganization({ mailboxes: 15 })

describe('a temporary key', () => {
  it('enrolls one of two agents that race; the other is told that it was used', async () => {
    const issued = await newMailbox()
    const enrollment = { temporaryKey: issued.temporaryKey, invitation: invitationOf(issued) }
    const agents = [await newAgent(), await newAgent()]
    const outcomes = await Promise.allSettled(agents.map(({ agent }) => agent.enroll(enrollment)))
    const won = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
    const lost = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []))
    expect(won).toHaveLength(1)
    expect(lost).toMatchObject([{ code: 'temporary-key-used', exitCode: 106 }])
    const { mailboxes } = await task('mailboxes.list', { addresses: [issued.address] })
    expect(mailboxes[0]?.certificate?.serial).toBe(won[0]?.serial)
  })

  it('that nobody issued gets no answer that helps', async () => {
    const { agent } = await newAgent()
    const temporaryKey = generateTemporaryKey(systemRandom)
    await expect(agent.enroll({ temporaryKey, server: organization.url })).rejects.toMatchObject({
      code: 'temporary-key-unknown',
      exitCode: 106,
    })
  })
})

const recover = async (address: string) => asIssued((await task('recover', { addresses: [address] })).results[0])

describe('enrolling again', () => {
  it('takes the old secrets over, under the same password', async () => {
    const issued = await newMailbox()
    const { agent, home } = await newAgent()
    const first = await agent.enroll({ temporaryKey: issued.temporaryKey, server: organization.url })
    const { temporaryKey } = await recover(issued.address)
    const second = await agent.enroll({ temporaryKey, server: organization.url })
    expect(second.keptAside).toEqual([])
    expect((await agent.keyFile.info()).keys.map((key) => key.serial)).toEqual([second.serial, first.serial])
    expect((await readdir(home)).sort()).toContain('mailseal.keyfile.previous')
    expect((await agent.status()).serial).toBe(second.serial)
  })

  it('with another password keeps the key file that it does not open', async () => {
    const issued = await newMailbox()
    const home = await newHome()
    await (await agentAt(home)).enroll({ temporaryKey: issued.temporaryKey, server: organization.url })
    const before = await readFile(join(home, 'mailseal.keyfile'))
    const agent = await agentAt(home, { password: async () => 'another password' })
    const { temporaryKey } = await recover(issued.address)
    const result = await agent.enroll({ temporaryKey, server: organization.url })
    expect(result.keptAside).toEqual([join(home, 'mailseal.keyfile.old')])
    expect(equalBytes(await readFile(join(home, 'mailseal.keyfile.old')), before)).toBe(true)
    expect((await agent.keyFile.info()).keys).toHaveLength(1)
  })

  it('needs a password of eight characters', async () => {
    const { agent, home } = await newAgent({ password: async () => '1234567' })
    const { temporaryKey } = await newMailbox()
    await expect(agent.enroll({ temporaryKey, server: organization.url })).rejects.toMatchObject({
      code: 'usage',
      message: 'the password has fewer than 8 characters',
    })
    expect(await readdir(home)).not.toContain('enrollment.pending')
  })
})

describe('between colleagues', () => {
  it('a letter is good, then revoked, with and without the server; without a list nothing is trusted', async () => {
    const [aliceKey, bobKey] = [await newMailbox(), await newMailbox()]
    const { agent: alice } = await newAgent()
    const { agent: bob, home } = await newAgent()
    await alice.enroll({ temporaryKey: aliceKey.temporaryKey, invitation: invitationOf(aliceKey) })
    await bob.enroll({ temporaryKey: bobKey.temporaryKey, invitation: invitationOf(bobKey) })
    const signed = await alice.sign(LETTER(aliceKey.address))
    expect(await bob.verify(signed)).toMatchObject({
      exitCode: 0,
      summary: 'verified',
      signature: { status: 'good', signer: `${aliceKey.name} <${aliceKey.address}>` },
      revocation: { state: 'fresh' },
    })

    await task('revoke', { addresses: [aliceKey.address], reason: 'compromised' })
    const revoked = { exitCode: 100, signature: { status: 'revoked', reason: 'compromised' } }
    expect(await bob.verify(signed)).toMatchObject(revoked)
    const offline = await agentAt(home, { fetch: () => Promise.reject(new TypeError('fetch failed')) })
    expect(await offline.verify(signed)).toMatchObject(revoked)

    await alice.verify(signed)
    await expect(alice.sign(LETTER(aliceKey.address))).rejects.toMatchObject({
      code: 'certificate-revoked',
      exitCode: 100,
    })
  })

  it('a second computer signs with a copy of the key file, without the server', async () => {
    const issued = await newMailbox()
    const { agent, home } = await newAgent()
    const first = await agent.enroll({ temporaryKey: issued.temporaryKey, server: organization.url })
    const copy = join(home, 'copy.keyfile')
    await agent.keyFile.copy(copy)
    const { agent: second } = await newAgent({ fetch: () => Promise.reject(new TypeError('fetch failed')) })
    expect(await second.keyFile.use(copy)).toMatchObject({ serial: first.serial })
    const signed = await second.sign(LETTER(issued.address))
    expect(await agent.verify(signed)).toMatchObject({ exitCode: 0, signature: { serial: first.serial } })
  })

  it('sync brings the whole directory, and the next sync transfers no list', async () => {
    const issued = await newMailbox()
    const { agent } = await newAgent()
    await agent.enroll({ temporaryKey: issued.temporaryKey, server: organization.url })
    const { mailboxes } = await task('mailboxes.list', { status: 'Active' })
    const first = await agent.sync()
    expect(first.certificates).toBe(mailboxes.length)
    expect((await agent.sync()).crl).toEqual({ ...first.crl, bytes: 0 })
    expect((await agent.report()).serverCrlNumber).toBe(first.crl.number)
  })
})
