import * as openpgp from 'openpgp'
import { describe, expect, it, onTestFinished } from 'vitest'
import { aliceOf, carryKeyFile, PASSWORD } from '../support/computers.ts'
import { type Gnupg, makeGnupg } from '../support/gnupg.ts'
import { openpgpProgram, type ProgramName } from '../support/openpgp-programs/index.ts'

const DAY = 24 * 60 * 60

/** Keys of three enrollments, each by recovery of the one before, and mail that was encrypted to each of them. */
async function threeKeys() {
  const alice = await aliceOf()
  const [first, second, third] = [await alice.computer(), await alice.computer(), await alice.computer()]
  const letters: string[] = []
  for (const { agent } of [first, second, third]) {
    await alice.enroll(agent, agent === first.agent ? alice.issued : await alice.recover())
    letters.push(await encryptedTo(await agent.exportKeys(), letters.length, alice.server.clock.at + 10))
    alice.server.clock.at += DAY / 2
  }
  const certificates = await third.agent.exportKeys()
  const recovered = await third.agent.exportKeys({ secret: true })
  const gnupg = await third.agent.exportKeys({ secret: true, format: 'gnupg' })
  // A computer that knew the first key file as well.
  await carryKeyFile(third, first)
  const united = await first.agent.exportKeys({ secret: true })
  return { letters, certificates, recovered, gnupg, united }
}

/** Made in the first test that needs it, whose end ends the organization as well. */
let making: ReturnType<typeof threeKeys> | undefined
const exported = () => {
  making ??= threeKeys()
  return making
}

const textOf = (index: number) => `letter to key ${index}`

async function encryptedTo(certificates: string, index: number, at: number): Promise<string> {
  const [encryptionKeys] = await openpgp.readKeys({ armoredKeys: certificates })
  if (encryptionKeys === undefined) throw new Error('nothing was exported')
  const message = await openpgp.createMessage({ text: textOf(index) })
  return (await openpgp.encrypt({ message, encryptionKeys, date: new Date(at * 1000) })) as string
}

async function gnupg(): Promise<Gnupg> {
  const gpg = await makeGnupg({ passphrase: PASSWORD })
  onTestFinished(() => gpg.end())
  return gpg
}

/** What a program opens of the letters. */
async function openedBy(name: ProgramName, keys: string, letters: readonly string[]): Promise<(string | null)[]> {
  const program = await openpgpProgram(name)
  onTestFinished(() => program.end())
  await program.own(keys, PASSWORD)
  const opened: (string | null)[] = []
  for (const letter of letters) opened.push((await program.decrypt(letter)).content?.toString() ?? null)
  return opened
}

describe('exported secret keys', () => {
  const all = [textOf(0), textOf(1), textOf(2)]

  it.each(['gpg', 'sq', 'sqop', 'rnp'] as const)(
    'open mail of every time in %s, recovered or whole',
    async (program) => {
      const made = await exported()
      expect(await openedBy(program, made.recovered, made.letters)).toEqual(all)
      expect(await openedBy(program, made.united, made.letters)).toEqual(all)
    },
  )

  it('open mail to the current key in PGPainless, which uses no subkey that was superseded', async () => {
    const made = await exported()
    const [first, , last] = made.letters as [string, string, string]
    expect(await openedBy('pgpainless-cli', made.recovered, [first, last])).toEqual([null, textOf(2)])
  })

  it('come with the CA for one gpg --import, after which the certification is checked and new mail goes to the new key', async () => {
    const made = await exported()
    const gpg = await gnupg()
    expect((await gpg(['--import'], made.gnupg)).exitCode).toBe(0)
    const signatures = (await gpg(['--with-colons', '--check-signatures', 'alice@example.org'])).stdout
    expect(signatures).toMatch(/^sig:!:.*openpgp-ca@example\.org/m)
    const current = await openpgp.readPrivateKey({ armoredKey: made.recovered })
    const secrets = (await gpg(['--with-colons', '--list-secret-keys'])).stdout
    expect(secrets).toContain(`:${current.getFingerprint().toUpperCase()}:`)
  })

  it('have gpg encrypt to the current key also where the old one is there as a whole', async () => {
    const made = await exported()
    const gpg = await gnupg()
    await gpg(['--import'], made.united)
    const sent = await gpg(
      ['--trust-model', 'always', '--recipient', 'alice@example.org', '--armor', '--encrypt'],
      'new mail',
    )
    expect(sent.exitCode).toBe(0)
    const [current] = await openpgp.readPrivateKeys({ armoredKeys: made.united })
    const subkey = current?.subkeys.find(({ bindingSignatures, revocationSignatures }) => {
      return bindingSignatures.length > 0 && revocationSignatures.length === 0
    })
    const message = await openpgp.readMessage({ armoredMessage: sent.stdout })
    expect(message.getEncryptionKeyIDs().map((id) => id.toHex())).toEqual([subkey?.getKeyID().toHex()])
  })

  it('are protected one by one with the password of the key file', async () => {
    const made = await exported()
    const [key, ...others] = await openpgp.readPrivateKeys({ armoredKeys: made.recovered })
    expect(others).toEqual([])
    const packets = [key?.keyPacket, ...(key?.subkeys.map(({ keyPacket }) => keyPacket) ?? [])]
    expect(packets.length).toBe(4)
    for (const packet of packets) {
      const secret = packet as openpgp.SecretKeyPacket
      expect(secret.isDecrypted()).toBe(false)
      await expect(secret.decrypt('another password')).rejects.toThrow()
      await secret.decrypt(PASSWORD)
      expect(secret.isDecrypted()).toBe(true)
    }
  })

  it('are none where only the certificates are asked for', async () => {
    const made = await exported()
    expect(made.certificates).not.toContain('PRIVATE')
    const keys = await openpgp.readKeys({ armoredKeys: made.certificates })
    expect(keys.map((key) => [key.isPrivate(), key.getUserIDs()[0]])).toEqual([
      [false, 'Alice <alice@example.org>'],
      [false, expect.stringContaining('openpgp-ca@example.org')],
    ])
  })
})
