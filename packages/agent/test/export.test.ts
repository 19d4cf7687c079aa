import { join } from 'node:path'
import * as openpgp from 'openpgp'
import { describe, expect, it } from 'vitest'
import { makeOrganization, newAgent, temporaryFolder, writeKeyFileAt } from './organization.ts'

const organization = await makeOrganization()
const alice = await organization.issue('alice@example.org')
const older = await organization.issue('alice@example.org')

describe('exported secret keys', () => {
  it('leave out what can not be read, and no more', async () => {
    const recovered = [new Uint8Array([1, 2, 3]), older.key.secretSubkey]
    const { agent } = await newAgent()
    const content = { ...organization.content(alice), recovered }
    await agent.keyFile.use(await writeKeyFileAt(join(await temporaryFolder(), 'copy'), content))
    const armoredKey = await agent.exportKeys({ secret: true })
    const key = await openpgp.readPrivateKey({ armoredKey })
    expect(key.subkeys.map((subkey) => subkey.getFingerprint())).toEqual([
      alice.key.subkeyFingerprint,
      older.key.subkeyFingerprint,
    ])
    expect(key.subkeys.map(({ revocationSignatures }) => revocationSignatures.length)).toEqual([0, 1])
  })

  it('hold the newest public signatures, but no end of the own subkey', async () => {
    const ended = await organization.ended(alice, 'replaced')
    const content = { ...organization.content(alice), certificate: new Uint8Array(ended) }
    const { agent } = await newAgent()
    await agent.keyFile.use(await writeKeyFileAt(join(await temporaryFolder(), 'copy'), content))
    const key = await openpgp.readPrivateKey({ armoredKey: await agent.exportKeys({ secret: true }) })
    const [user, subkey] = [key.users[0], key.subkeys[0]]
    expect(user?.otherCertifications.length).toBe(1)
    expect(user?.revocationSignatures.length).toBe(1)
    expect([subkey?.bindingSignatures.length, subkey?.revocationSignatures.length]).toEqual([1, 0])
  })
})
