import { readFile, stat, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { evaluateCertificate, makeAuthorityKey, readPrimarySecret } from '@mailseal/common/certificate'
import { type CrlEntry, dayOf } from '@mailseal/common/crl'
import { PATHS } from '@mailseal/common/rpc'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type HeldList, revocationsOf } from '../src/revocation-list.ts'
import { openState } from '../src/state/state.ts'
import { trustOf } from '../src/trust.ts'
import { letter } from './mail/messages.ts'
import { enrolledAgent, makeOrganization, NOW, published, temporaryFolder } from './organization.ts'

const organization = await makeOrganization()
const alice = await organization.issue('alice@example.org')
const entry: CrlEntry = {
  serial: '00000000000000b0',
  revokedAt: NOW - 100,
  expiryDay: dayOf(NOW) + 400,
  reason: 'left',
}

/** An enrolled agent whose server has the list that `set` was given last. */
async function agentWithLists(first: Uint8Array) {
  let list: Uint8Array | null = first
  const requests: (string | null)[] = []
  const serve = published({
    [PATHS.crl]: () => list,
    [PATHS.authority]: organization.document.bytes,
  })
  const { agent, home } = await enrolledAgent(organization, alice, {
    fetch: async (input, init) => {
      const { pathname } = new URL(String(input))
      if (pathname === PATHS.crl) requests.push(new Headers(init?.headers).get('if-none-match'))
      if (pathname === PATHS.directory) return Response.json({ certificates: [], next: null })
      return serve(input, init)
    },
  })
  const file = join(home, 'revocations.crl')
  return { agent, file, requests, set: (next: Uint8Array | null) => (list = next) }
}

describe('the revocation list', () => {
  it('is fetched, checked, installed for its owner alone, and not fetched again while it is current', async () => {
    const list = await organization.list({ entries: [entry] })
    const { agent, file, requests } = await agentWithLists(list)
    expect((await agent.status()).crl).toEqual({ state: 'missing', number: null, age: null })
    expect(await agent.sync()).toEqual({
      crl: { number: NOW, entries: 1, bytes: list.length },
      certificates: 1,
      warnings: [],
    })
    expect(new Uint8Array(await readFile(file))).toEqual(list)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect((await agent.sync()).crl).toEqual({ number: NOW, entries: 1, bytes: 0 })
    expect(requests).toEqual([null, expect.stringMatching(/^"[0-9a-f]{64}"$/)])
    expect((await agent.status()).crl).toEqual({ state: 'fresh', number: NOW, age: 0 })
  })

  it('cannot be rolled back, neither beside the file nor by deleting it', async () => {
    const newer = await organization.list({ number: NOW + 5, entries: [entry] })
    const older = await organization.list({ number: NOW })
    const { agent, file, set } = await agentWithLists(newer)
    await agent.sync()
    set(older)
    const rollback = { code: 'revocation-list-refused' }
    await expect(agent.sync()).rejects.toMatchObject(rollback)
    await unlink(file)
    await expect(agent.sync()).rejects.toMatchObject({
      ...rollback,
      message: `the revocation list has number ${NOW}, and one with ${NOW + 5} was seen before`,
    })
    await expect(stat(file)).rejects.toMatchObject({ code: 'ENOENT' })
    set(newer)
    expect((await agent.sync()).crl.number).toBe(NOW + 5)
  })

  it('of the same number is the same list, also after the file was deleted', async () => {
    const { agent, file, set } = await agentWithLists(await organization.list({ entries: [entry] }))
    await agent.sync()
    await unlink(file)
    set(await organization.list())
    await expect(agent.sync()).rejects.toMatchObject({
      code: 'revocation-list-refused',
      message: 'the revocation list has the number of one seen before, but is another',
    })
  })

  it('put back from an old copy counts as missing', async () => {
    const old = await organization.list({ number: NOW })
    const newer = await organization.list({ number: NOW + 5, entries: [entry] })
    const { agent, file, set } = await agentWithLists(old)
    await agent.sync()
    set(newer)
    await agent.sync()
    await writeFile(file, old)
    expect((await agent.status()).crl.state).toBe('missing')
    expect((await agent.sync()).crl).toMatchObject({ number: NOW + 5, bytes: newer.length })
  })

  it('that is damaged counts as missing and is fetched again', async () => {
    const list = await organization.list({ entries: [entry] })
    const { agent, file } = await agentWithLists(list)
    await agent.sync()
    await writeFile(file, list.subarray(0, 140))
    expect((await agent.status()).crl.state).toBe('missing')
    expect((await agent.sync()).crl.bytes).toBe(list.length)
    expect((await agent.status()).crl.state).toBe('fresh')
  })

  it('with a flipped bit is fetched again by sync, and keeps no later list out', async () => {
    const list = await organization.list({ entries: [entry] })
    const next = await organization.list({ number: NOW + 5, entries: [entry] })
    const { agent, file, set } = await agentWithLists(list)
    await agent.sync()
    const flipped = list.slice()
    flipped[128 + 7] = 0xb1
    await writeFile(file, flipped)
    expect((await agent.sync()).crl.bytes).toBe(list.length)
    expect(new Uint8Array(await readFile(file))).toEqual(list)
    await writeFile(file, flipped)
    set(next)
    expect((await agent.sync()).crl.number).toBe(NOW + 5)
  })

  it('whose entries are garbled does not keep anybody from signing', async () => {
    const list = await organization.list({ entries: [entry] })
    const { agent, file } = await agentWithLists(list)
    await agent.sync()
    await writeFile(file, list.slice().fill(0, 128, 144))
    expect((await agent.sign(letter())).length).toBeGreaterThan(0)
    expect((await agent.status()).serial).toBe(alice.serial)
  })

  it('signed by another key is refused, and the own one stays', async () => {
    const { agent, set } = await agentWithLists(await organization.list())
    await agent.sync()
    const stranger = await readPrimarySecret((await makeAuthorityKey('CA <ca@example.org>', NOW)).secretKey)
    set(await organization.list({ number: NOW + 1, signer: stranger }))
    await expect(agent.sync()).rejects.toMatchObject({
      code: 'revocation-list-refused',
      message: 'the revocation list has a bad signature',
    })
    expect((await agent.status()).crl).toMatchObject({ state: 'fresh', number: NOW })
  })

  it('without an entry that is held is refused', async () => {
    const { agent, set } = await agentWithLists(await organization.list({ entries: [entry] }))
    await agent.sync()
    set(await organization.list({ number: NOW + 1 }))
    await expect(agent.sync()).rejects.toMatchObject({
      code: 'revocation-list-refused',
      message: `the revocation list leaves out serial number ${entry.serial}`,
    })
  })
})

describe('what revokes a key', () => {
  const evaluated = async (certificate: Uint8Array) => {
    const { authorities, domains } = await trustOf(organization.document)
    return evaluateCertificate(certificate, authorities, domains)
  }
  const held = (entries: readonly CrlEntry[]) =>
    ({ lookup: (serial) => entries.find((one) => one.serial === serial) ?? null }) as HeldList
  const listed = { ...entry, serial: alice.serial, revokedAt: NOW + 50 }
  const { fingerprint } = alice.key

  async function newContext() {
    const state = await openState(join(await temporaryFolder(), 'state.sqlite'))
    onTestFinished(() => state.close())
    return { state }
  }

  it('is the list, and remembered when its entry has left', async () => {
    const context = await newContext()
    const certificate = await evaluated(alice.certificate)
    expect(await revocationsOf(context, held([]), certificate)).toEqual([])
    const revoked = { fingerprint, reason: 'left', at: NOW + 50 }
    expect(await revocationsOf(context, held([listed]), certificate)).toEqual([revoked, revoked])
    expect(await revocationsOf(context, held([]), certificate)).toEqual([revoked])
    expect(await revocationsOf(context, null, certificate)).toEqual([revoked])
  })

  it('is what the certificate carries, with the time at which it came to be used', async () => {
    const context = await newContext()
    const certificate = await evaluated(await organization.ended(alice, 'compromised', NOW + 70))
    const seen = await revocationsOf(context, null, certificate)
    expect(seen).toContainEqual({ fingerprint, reason: 'compromised', at: NOW + 70 })
    expect(context.state.revokedKey(fingerprint)).toEqual({ fingerprint, reason: 'compromised', at: NOW + 70 })
  })

  it('of which nothing new was seen is not written again', async () => {
    const context = await newContext()
    const certificate = await evaluated(alice.certificate)
    await revocationsOf(context, held([listed]), certificate)
    const readOnly = {
      state: { ...context.state, exclusively: () => Promise.reject(new Error('written')) },
    }
    await revocationsOf(readOnly, held([listed]), certificate)
    const replaced = [{ ...listed, reason: 'replaced' as const }]
    await revocationsOf(readOnly, held(replaced), certificate)
    const earlier = [{ ...listed, revokedAt: NOW + 40 }]
    await expect(revocationsOf(readOnly, held(earlier), certificate)).rejects.toThrow('written')
  })
})
