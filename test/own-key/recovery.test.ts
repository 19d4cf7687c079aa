import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Agent } from '@mailseal/agent'
import { SPANS } from '@mailseal/common'
import { readSecretSubkey, subkeyFingerprints } from '@mailseal/common/certificate'
import { PATHS } from '@mailseal/common/rpc'
import { describe, expect, it } from 'vitest'
import { openKeyFile } from '../../packages/agent/src/key-file/key-file.ts'
import { aliceOf, type Computer, PASSWORD } from '../support/computers.ts'
import { drop, LETTER, network } from '../support/enrolling.ts'

const keyFileOf = async ({ home }: Computer, password = PASSWORD) =>
  (await openKeyFile(await readFile(join(home, 'mailseal.keyfile')), password, 'it')).content

/** Fingerprints of the encryption keys that a key file opens mail with: of whole keys, and recovered ones. */
async function encryptionKeysOf(computer: Computer) {
  const { keys, recovered } = await keyFileOf(computer)
  return {
    own: (await Promise.all(keys.map(({ secretKey }) => subkeyFingerprints(secretKey)))).flat(),
    recovered: await Promise.all(recovered.map(async (subkey) => (await readSecretSubkey(subkey)).fingerprint)),
  }
}

async function enrolledAlice() {
  const alice = await aliceOf()
  const first = await alice.computer()
  await alice.enroll(first.agent)
  const [subkey] = (await encryptionKeysOf(first)).own
  return { ...alice, first, subkey }
}

describe('enrolling by recovery', () => {
  it('brings every encryption key back where all was lost, also of several recoveries', async () => {
    const alice = await enrolledAlice()
    const { server, subkey } = alice
    const second = await alice.computer()
    expect(await alice.enroll(second.agent, await alice.recover())).toMatchObject({ recoveredKeys: 1, warnings: [] })
    const { own, recovered } = await encryptionKeysOf(second)
    expect(recovered).toEqual([subkey])
    server.clock.at += SPANS.day
    const third = await alice.computer()
    expect(await alice.enroll(third.agent, await alice.recover())).toMatchObject({ recoveredKeys: 2, warnings: [] })
    expect((await encryptionKeysOf(third)).recovered).toEqual([subkey, ...own])
    expect(await third.agent.keyFile.info()).toMatchObject({ recoveredKeys: 2 })
  })

  it('has no secret twice where the old key file is still readable', async () => {
    const alice = await enrolledAlice()
    const { first, subkey } = alice
    expect(await alice.enroll(first.agent, await alice.recover())).toMatchObject({ recoveredKeys: 1, keptAside: [] })
    const { own, recovered } = await encryptionKeysOf(first)
    expect([own.length, own[1], recovered]).toEqual([2, subkey, []])
  })

  it('never asks for the password of a key file that it does not open, and keeps that file', async () => {
    const alice = await enrolledAlice()
    const { first } = alice
    const before = await readFile(join(first.home, 'mailseal.keyfile'))
    const asked: string[] = []
    const password = async ({ purpose }: { purpose: string }) => {
      asked.push(purpose)
      return 'another password'
    }
    const forgetful = await first.again({ password })
    const { keptAside, recoveredKeys } = await alice.enroll(forgetful, await alice.recover())
    expect(asked).toEqual(['new'])
    expect(keptAside).toEqual([join(first.home, 'mailseal.keyfile.old')])
    expect(await readFile(join(first.home, 'mailseal.keyfile.old'))).toEqual(before)
    expect([recoveredKeys, (await keyFileOf(first, 'another password')).recovered.length]).toEqual([1, 1])
  })

  it('never mixes the keys of two mailboxes: with another one enrolled here nothing is begun', async () => {
    const alice = await enrolledAlice()
    const { first, server } = alice
    const before = await readFile(join(first.home, 'mailseal.keyfile'))
    const bob = await server.enabled('bob@example.org')
    await expect(alice.enroll(first.agent, bob)).rejects.toMatchObject({
      code: 'already-exists',
      message: 'this computer is enrolled as alice@example.org, and the temporary key is for bob@example.org',
    })
    expect(await readFile(join(first.home, 'mailseal.keyfile'))).toEqual(before)
    expect((await alice.enroll((await alice.computer()).agent, bob)).address).toBe('bob@example.org')
  })

  it("keeps another mailbox's key file where the state was lost that would have told", async () => {
    const alice = await enrolledAlice()
    const { first, server } = alice
    const keyFile = join(first.home, 'mailseal.keyfile')
    const before = await readFile(keyFile)
    first.agent.close()
    for (const name of await readdir(first.home)) if (name.startsWith('state.')) await rm(join(first.home, name))
    const again = await first.again()
    const { keptAside } = await alice.enroll(again, await server.enabled('bob@example.org'))
    expect(keptAside).toEqual([`${keyFile}.old`])
    expect(await readFile(`${keyFile}.old`)).toEqual(before)
    expect((await keyFileOf(first)).keys).toHaveLength(1)
  })

  it('whose reply was lost goes on with the same keys and all of the history', async () => {
    const alice = await enrolledAlice()
    const second = await alice.computer()
    const issued = await alice.recover()
    const { fetch: losing } = network({ path: PATHS.enroll, answer: drop })
    await expect(alice.enroll(await second.again({ fetch: losing }), issued)).rejects.toMatchObject({
      code: 'server-unreachable',
    })
    expect(await alice.enroll(second.agent, issued)).toMatchObject({ recoveredKeys: 1, continued: true, warnings: [] })
    expect((await encryptionKeysOf(second)).recovered).toEqual([alice.subkey])
    expect(await readdir(second.home)).not.toContain('enrollment.pending')
  })

  it('makes what the old key signed afterwards revoked, and leaves what it signed before good', async () => {
    const alice = await enrolledAlice()
    const { server, first } = alice
    const before = await first.agent.sign(LETTER('alice@example.org'))
    server.clock.at += 3600
    const second = await alice.computer()
    await alice.enroll(second.agent, await alice.recover())
    server.clock.at += 3600
    const after = await first.agent.sign(LETTER('alice@example.org'))
    const statusOf = async (agent: Agent, message: Uint8Array) => (await agent.verify(message)).signature.status
    expect([await statusOf(second.agent, before), await statusOf(second.agent, after)]).toEqual(['good', 'revoked'])
    await second.agent.revoke({ reason: 'compromised' })
    expect([await statusOf(second.agent, before), await statusOf(second.agent, after)]).toEqual(['revoked', 'revoked'])
  })
})
