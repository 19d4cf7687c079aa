import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { toHex } from '@mailseal/common'
import { describe, expect, it } from 'vitest'
import { openKeyFile } from '../../src/key-file/key-file.ts'
import { letter } from '../mail/messages.ts'
import {
  enrolledAgent,
  frozen,
  makeOrganization,
  NOW,
  newAgent,
  noNetwork,
  PASSWORD,
  temporaryFolder,
  writeKeyFileAt,
} from '../organization.ts'

const organization = await makeOrganization()
const alice = await organization.issue('alice@example.org')
const newer = await organization.issue('alice@example.org', { validFrom: NOW + 1000 })

async function fingerprintsIn(home: string, password = PASSWORD): Promise<string[]> {
  const { content } = await openKeyFile(await readFile(join(home, 'mailseal.keyfile')), password, 'the key file')
  return content.keys.map((key) => key.fingerprint)
}

const aCopy = async () => join(await temporaryFolder(), 'copy.keyfile')

describe('using a copy of a key file', () => {
  it('makes a second computer, without the server', async () => {
    const first = await enrolledAgent(organization, alice)
    const copy = await aCopy()
    await first.agent.keyFile.copy(copy)
    const { agent, home } = await newAgent({ fetch: noNetwork })
    await expect(agent.status()).rejects.toMatchObject({ code: 'not-enrolled' })
    expect(await agent.keyFile.use(copy)).toMatchObject({
      address: 'alice@example.org',
      serial: alice.serial,
      fingerprint: alice.key.fingerprint,
      validFrom: alice.key.validFrom,
      validTo: alice.key.validTo,
      keys: 1,
    })
    expect(await readFile(join(home, 'mailseal.keyfile'))).toEqual(await readFile(copy))
    expect(new TextDecoder().decode(await agent.sign(letter()))).toContain('multipart/signed')
    expect((await agent.status()).serial).toBe(alice.serial)
  })

  it('takes the password of the copy', async () => {
    const copy = await writeKeyFileAt(await aCopy(), organization.content(alice), 'another password')
    const { agent, home } = await newAgent()
    await expect(agent.keyFile.use(copy)).rejects.toMatchObject({
      code: 'password-wrong',
      message: `the password does not open file "${copy}"`,
    })
    expect((await readdir(home)).filter((name) => name.includes('keyfile'))).toEqual([])
  })

  it('refuses what is no key file at all, before a password is asked for', async () => {
    const { agent } = await newAgent({ password: () => Promise.reject(new Error('asked')) })
    const file = await aCopy()
    await writeFile(file, letter())
    await expect(agent.keyFile.use(file)).rejects.toMatchObject({
      code: 'bad-data',
      exitCode: 41,
      message: `file "${file}" is no key file of Mailseal`,
      hint: 'make a copy where you are enrolled: mailseal keyfile copy FILE',
    })
  })

  it('unites it with the one that is here: the newer certificate counts, and no secret is dropped', async () => {
    const { agent, home } = await enrolledAgent(organization, alice)
    const copy = await writeKeyFileAt(await aCopy(), organization.content(newer))
    expect(await agent.keyFile.use(copy)).toMatchObject({ serial: newer.serial, keys: 2 })
    expect(await fingerprintsIn(home)).toEqual([newer.key.fingerprint, alice.key.fingerprint])
    expect((await agent.status()).serial).toBe(newer.serial)
  })

  it('does not go back to an older certificate', async () => {
    const { agent, home } = await enrolledAgent(organization, newer)
    const copy = await writeKeyFileAt(await aCopy(), organization.content(alice))
    expect(await agent.keyFile.use(copy)).toMatchObject({ serial: newer.serial, keys: 2 })
    expect(await fingerprintsIn(home)).toEqual([newer.key.fingerprint, alice.key.fingerprint])
    expect((await agent.status()).serial).toBe(newer.serial)
  })

  it('keeps the password of the one that is here', async () => {
    const { home } = await enrolledAgent(organization, alice)
    const copy = await writeKeyFileAt(await aCopy(), organization.content(newer), 'another password')
    const asked: string[] = []
    const password = async ({ purpose }: { purpose: string }) => {
      asked.push(purpose)
      return purpose === 'other' ? 'another password' : PASSWORD
    }
    const { agent } = await newAgent({ home, password })
    await agent.keyFile.use(copy)
    expect(asked).toEqual(['other', 'open'])
    expect(await fingerprintsIn(home)).toEqual([newer.key.fingerprint, alice.key.fingerprint])
  })

  it('is refused under another root, or for another mailbox, and changes nothing then', async () => {
    const { agent, home } = await enrolledAgent(organization, alice)
    const before = await readFile(join(home, 'mailseal.keyfile'))
    const elsewhere = await makeOrganization()
    const stranger = elsewhere.content(await elsewhere.issue('alice@example.org'))
    await expect(agent.keyFile.use(await writeKeyFileAt(await aCopy(), stranger))).rejects.toMatchObject({
      code: 'untrusted',
      exitCode: 102,
      message: 'the key file is of Example Organization under another root than the one pinned here',
    })
    const bob = organization.content(await organization.issue('bob@example.org'))
    await expect(agent.keyFile.use(await writeKeyFileAt(await aCopy(), bob))).rejects.toMatchObject({
      code: 'already-exists',
      message: 'the key file here is of alice@example.org, the other of bob@example.org',
    })
    expect(await readFile(join(home, 'mailseal.keyfile'))).toEqual(before)
    expect((await agent.status()).serial).toBe(alice.serial)
  })

  it('is refused under another root than the key file here, also where the state was lost', async () => {
    const { home } = await enrolledAgent(organization, alice)
    const before = await readFile(join(home, 'mailseal.keyfile'))
    for (const name of await readdir(home)) if (name.startsWith('state.')) await rm(join(home, name))
    const elsewhere = await makeOrganization()
    const stranger = elsewhere.content(await elsewhere.issue('alice@example.org', { validFrom: NOW + 1000 }))
    const { agent } = await newAgent({ home })
    await expect(agent.keyFile.use(await writeKeyFileAt(await aCopy(), stranger))).rejects.toMatchObject({
      code: 'untrusted',
      message: 'the key file is of Example Organization under another root than the one pinned here',
    })
    expect(await readFile(join(home, 'mailseal.keyfile'))).toEqual(before)
  })

  it('takes the place of a key file that is damaged, which is kept', async () => {
    const { agent, home } = await enrolledAgent(organization, alice)
    const [keyFile, copy] = [join(home, 'mailseal.keyfile'), await aCopy()]
    await agent.keyFile.copy(copy)
    await writeFile(`${keyFile}.previous`, 'one that may still open')
    const damaged = (await readFile(keyFile)).subarray(0, 2000)
    await writeFile(keyFile, damaged)
    await expect(agent.keyFile.info()).rejects.toMatchObject({
      code: 'bad-data',
      hint: 'use a copy of it: mailseal keyfile use FILE',
    })
    expect(await agent.keyFile.use(copy)).toMatchObject({ serial: alice.serial, keptAside: [`${keyFile}.old`] })
    expect(await fingerprintsIn(home)).toEqual([alice.key.fingerprint])
    expect(await readFile(`${keyFile}.old`)).toEqual(damaged)
    expect(await readFile(`${keyFile}.previous`, 'utf8')).toBe('one that may still open')
  })

  it('says the way out where the key file here opens with no password, which may be damage', async () => {
    const { agent, home } = await enrolledAgent(organization, alice)
    const [keyFile, copy] = [join(home, 'mailseal.keyfile'), await aCopy()]
    await agent.keyFile.copy(copy)
    await writeKeyFileAt(keyFile, organization.content(alice), 'one that is lost')
    await expect(agent.keyFile.use(copy)).rejects.toMatchObject({
      code: 'password-wrong',
      message: 'the password does not open the key file',
      hint: `it has its own password; if that is lost, or the file is damaged, move "${keyFile}" away and run the same command again`,
    })
  })

  it('is refused if its organization did not certify it', async () => {
    const other = await makeOrganization()
    const content = {
      ...organization.content(alice),
      ...uncertified(other.content(await other.issue('alice@example.org'))),
    }
    const { agent } = await newAgent()
    await expect(agent.keyFile.use(await writeKeyFileAt(await aCopy(), content))).rejects.toMatchObject({
      code: 'untrusted',
      message: 'the certificate in the key file is not certified by its organization',
    })
  })

  it('is refused with a secret that does not make its key, which would keep the true one out', async () => {
    const { agent, home } = await enrolledAgent(organization, alice)
    const { keys, ...rest } = organization.content(newer)
    const forged = { ...rest, keys: keys.map((key) => ({ ...key, secretKey: withOtherSecret(key.secretKey) })) }
    await expect(agent.keyFile.use(await writeKeyFileAt(await aCopy(), forged))).rejects.toMatchObject({
      code: 'bad-data',
      message: 'the secret does not belong to its key',
    })
    await agent.keyFile.use(await writeKeyFileAt(await aCopy(), organization.content(newer)))
    const { content } = await openKeyFile(await readFile(join(home, 'mailseal.keyfile')), PASSWORD, 'the key file')
    expect(toHex(content.keys[0]?.secretKey ?? new Uint8Array())).toBe(toHex(newer.key.secretKey))
  })

  it('works again where the state was lost', async () => {
    const { home } = await enrolledAgent(organization, alice)
    for (const name of await readdir(home)) if (name.startsWith('state.')) await rm(join(home, name))
    const { agent } = await newAgent({ home })
    await expect(agent.sign(letter())).rejects.toMatchObject({
      code: 'not-enrolled',
      hint: `there is a key file: mailseal keyfile use "${join(home, 'mailseal.keyfile')}"`,
    })
    expect(await agent.keyFile.use(join(home, 'mailseal.keyfile'))).toMatchObject({ serial: alice.serial })
  })
})

/** Whoever knows somebody's certificate can set any secret behind its public half. */
function withOtherSecret(secretKey: Uint8Array): Uint8Array<ArrayBuffer> {
  const forged = new Uint8Array(secretKey)
  // A v4 packet of an Ed25519 key ends with the secret's 32 bytes and the sum of it with its two bytes of length.
  const [header, length] = [2, forged[1] as number]
  const [sumAt, lastAt] = [header + length - 2, header + length - 3]
  const view = new DataView(forged.buffer)
  const step = (forged[lastAt] as number) === 0xff ? -1 : 1
  forged[lastAt] = (forged[lastAt] as number) + step
  view.setUint16(sumAt, view.getUint16(sumAt) + step)
  return forged
}

const uncertified = ({
  certificate,
  keys,
}: {
  certificate: Uint8Array<ArrayBuffer>
  keys: ReturnType<typeof organization.content>['keys']
}) => ({ certificate, keys })

describe('what is in the key file', () => {
  it('is said without any secret', async () => {
    const { home } = await enrolledAgent(organization, alice)
    const { agent } = await newAgent({ home, clock: frozen(NOW) })
    await agent.keyFile.use(await writeKeyFileAt(await aCopy(), organization.content(newer)))
    const info = await agent.keyFile.info()
    expect(info).toMatchObject({
      address: 'alice@example.org',
      organization: 'Example Organization',
      root: organization.document.rootFingerprint,
      keys: [
        { fingerprint: newer.key.fingerprint, serial: newer.serial, created: NOW + 1000 },
        { fingerprint: alice.key.fingerprint, serial: alice.serial, created: NOW },
      ],
      recoveredKeys: 0,
    })
    expect(JSON.stringify(info)).not.toContain(toHex(alice.key.secretKey).slice(-40))
  })

  it('does not write over what another program put there while the password was asked for', async () => {
    const OWN = 'password of the key file here'
    const { agent, home } = await newAgent({ password: async () => OWN })
    await agent.keyFile.use(await writeKeyFileAt(await aCopy(), organization.content(alice), OWN))
    const third = await organization.issue('alice@example.org', { validFrom: NOW + 2000 })
    const other = await writeKeyFileAt(await aCopy(), organization.content(third), OWN)
    const copy = await writeKeyFileAt(await aCopy(), organization.content(newer))
    let meanwhile: () => Promise<unknown> = () => agent.keyFile.use(other)
    const { agent: slow } = await newAgent({
      home,
      password: async ({ purpose }) => {
        if (purpose === 'other') return PASSWORD
        await meanwhile()
        return OWN
      },
    })
    await expect(slow.keyFile.use(copy)).rejects.toMatchObject({
      code: 'busy',
      message: 'another program changed the key file just now',
    })
    expect(await fingerprintsIn(home, OWN)).toHaveLength(2)
    meanwhile = () => slow.status()
    await slow.keyFile.use(copy)
    expect(await fingerprintsIn(home, OWN)).toHaveLength(3)
  })
})
