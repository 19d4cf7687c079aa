import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemRandom } from '@mailseal/common'
import { composeSigned, readSigned } from '@mailseal/common/pgp-mime'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Gnupg, makeGnupg } from './support/gnupg.ts'
import { type Enrolled, makeOrganization, type Organization, type User } from './support/organization.ts'

interface Verified {
  readonly summary: string
  readonly signature: { readonly status: string; readonly reason: string | null; readonly address: string | null }
}

const FROM = '=?utf-8?Q?M=C3=BCller=2C_Alice?= <alice@example.org>'

let organization: Organization
let gpg: Gnupg
let alice: User
let bob: User
let enrolled: Enrolled

beforeAll(async () => {
  organization = await makeOrganization()
  gpg = await makeGnupg()
  alice = organization.user('alice')
  bob = organization.user('bob')
  await organization.adminJson('mailboxes', 'add', 'alice@example.org', '--name', 'Müller, Alice')
  await organization.adminJson('mailboxes', 'add', 'bob@example.org', '--name', 'Bob')
  await organization.adminJson('enable', 'alice@example.org', 'bob@example.org', '--send')
  enrolled = await alice.enroll('alice@example.org')
  await bob.enroll('bob@example.org')
})

afterAll(async () => {
  await gpg?.end()
  await organization?.end()
})

async function download(path: string): Promise<Buffer> {
  const response = await fetch(organization.url + path)
  expect(response.status).toBe(200)
  return Buffer.from(await response.arrayBuffer())
}

describe('GnuPG', () => {
  it('imports CA and certificate and finds the certification good, with its serial number and expiry', async () => {
    for (const path of ['/v1/ca', '/v1/certificates/alice@example.org']) {
      const imported = await gpg(['--import'], await download(path))
      expect(imported.stderr).toContain('imported: 1')
      expect(imported.exitCode).toBe(0)
    }
    const listOptions = ['--list-options', 'show-notations,show-sig-expire', '--check-signatures', 'alice@example.org']
    const { stdout, stderr } = await gpg(listOptions)
    expect(stdout).toContain('Müller, Alice <alice@example.org>')
    // "!" is a good signature, "N" one with notations, the two dates its own and its expiry.
    const [from, to] = [enrolled.validFrom.slice(0, 10), enrolled.validTo.slice(0, 10)]
    expect(stdout).toMatch(new RegExp(`^sig!3 +N +[0-9A-F]{16} ${from} ${to} .*<openpgp-ca@example\\.org>`, 'm'))
    expect(stdout).toContain(`mailseal-serial@example.org=${enrolled.serial}`)
    expect(stdout).toContain(`mailseal-valid-from@example.org=${Date.parse(enrolled.validFrom) / 1000}`)
    expect(stderr).not.toMatch(/bad signature|not checked/)
  })

  it("verifies the agent's signature, and not over a changed message", async () => {
    const file = await alice.sign(FROM, 'Trailing blank \r\nFrom here to there\r\nGrüße\r\n')
    const signed = readSigned(await readFile(file))
    if (signed === null) throw new Error('the agent wrote no signed message')
    const signature = join(organization.folder, 'signature.asc')
    await writeFile(signature, signed.signature)
    const good = await gpg(['--status-fd', '1', '--verify', signature, '-'], signed.signedBytes)
    expect(good.stdout).toContain(`VALIDSIG ${enrolled.fingerprint.toUpperCase()}`)
    expect(good.exitCode).toBe(0)
    const changed = new Uint8Array(signed.signedBytes)
    changed[changed.length - 3] = 0x21
    const bad = await gpg(['--status-fd', '1', '--verify', signature, '-'], changed)
    expect(bad.stdout).toContain('BADSIG')
    expect(bad.exitCode).toBe(1)
  })
})

describe('the agent', () => {
  const letter = 'From: Eve <eve@example.net>\r\nTo: bob@example.org\r\nSubject: hello\r\n\r\nHello.\r\n'

  async function signedByGnupg(): Promise<Uint8Array> {
    const sign = async (bytes: Uint8Array) => {
      const outcome = await gpg(['--armor', '--local-user', 'eve@example.net', '--detach-sign'], bytes)
      expect(outcome.exitCode, outcome.stderr).toBe(0)
      return outcome.stdout
    }
    return composeSigned({
      message: new TextEncoder().encode(letter),
      sign,
      micalg: 'pgp-sha512',
      random: systemRandom,
    })
  }

  it('calls a signature by a key outside the organization unknown', async () => {
    await gpg.makeKey('Eve <eve@example.net>')
    const verified = await bob.json<Verified>(['verify', '-'], { input: await signedByGnupg(), exitCode: 3 })
    expect(verified).toMatchObject({ summary: 'unprotected', signature: { status: 'unknown' } })
  })

  it('calls its own colleague good and a changed message bad', async () => {
    const file = await alice.sign(FROM, 'Ten thousand.\r\n')
    const good = await bob.json<Verified>(['verify', file])
    expect(good).toMatchObject({ summary: 'verified', signature: { status: 'good', address: 'alice@example.org' } })
    const changed = (await readFile(file, 'latin1')).replace('Ten thousand.', 'Two thousand.')
    const bad = await bob.json<Verified>(['verify', '-'], { input: Buffer.from(changed, 'latin1'), exitCode: 3 })
    expect(bad).toMatchObject({ summary: 'unprotected', signature: { status: 'bad' } })
  })
})
