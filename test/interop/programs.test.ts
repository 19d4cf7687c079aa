import { rm } from 'node:fs/promises'
import { type Agent, openAgent } from '@mailseal/agent'
import { utf8 } from '@mailseal/common'
import { PATHS } from '@mailseal/common/rpc'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Gnupg, makeGnupg } from '../support/gnupg.ts'
import {
  type OpenpgpProgram,
  openpgpProgram,
  PROGRAM_NAMES,
  type ProgramName,
} from '../support/openpgp-programs/index.ts'
import {
  type Enrolled,
  makeOrganization,
  type Organization,
  USER_PASSWORD,
  type User,
} from '../support/organization.ts'
import { encryptedMessage, sealedIn, signedIn, signedMessage, withLf } from './mail.ts'

/*
 * Alice reads and writes her mail with other OpenPGP programs, by the keys that `mailseal export` gave her. Her first key
 * was lost and came back by recovery. Bob has the agent.
 */

const FROM = '=?utf-8?Q?M=C3=BCller=2C_Alice?= <alice@example.org>'
const HEADER = `From: ${FROM}\r\nTo: bob@example.org\r\nSubject: Lunch\r\n`
const BOBS_LETTER =
  'From: bob@example.org\r\nTo: alice@example.org\r\nSubject: Geheim\r\n\r\nGrüße: trailing \r\n-- \r\nBob\r\n'
const OLD_LETTER = 'Written before the key was lost.\r\n'
/** All that gets changed on the way when signed mail is handled carelessly. */
const ENTITY = [
  'Content-Type: text/plain; charset=utf-8',
  'Content-Transfer-Encoding: 8bit',
  '',
  'Grüße aus Köln, trailing blanks  \t',
  'From here to there',
  '- dashes',
  '-- ',
  'Alice',
  '',
  ' ',
  '',
].join('\r\n')

/** PGPainless 1.3 uses no subkey that was superseded, not even to open old mail. */
const UNABLE: Partial<Record<ProgramName, true>> = { 'pgpainless-cli': true }

let organization: Organization
let bob: Agent
let bobsKey: Enrolled
let alicesKey: Enrolled
/** What Alice's programs are given, and get. */
let alice: { gnupg: string; openpgp: string; sealed: Uint8Array; signed: Uint8Array; old: string }
let bobsCertificate: Uint8Array

async function download(path: string): Promise<Uint8Array> {
  const response = await fetch(organization.url + path)
  expect(response.status).toBe(200)
  return new Uint8Array(await response.arrayBuffer())
}

const published = (address: string) => download(PATHS.certificates + address)

async function agentOf({ home }: User): Promise<Agent> {
  return openAgent({ home, password: async () => USER_PASSWORD })
}

beforeAll(async () => {
  organization = await makeOrganization()
  const { adminJson } = organization
  const users = { alice: organization.user('alice'), bob: organization.user('bob') }
  await adminJson('mailboxes', 'add', 'alice@example.org', '--name', 'Müller, Alice')
  await adminJson('mailboxes', 'add', 'bob@example.org', '--name', 'Bob')
  await adminJson('enable', 'alice@example.org', 'bob@example.org', '--send')
  const first = await users.alice.enroll('alice@example.org')
  bobsKey = await users.bob.enroll('bob@example.org')
  const old = await writtenByGnupg(await published('alice@example.org'), first.fingerprint)
  await rm(users.alice.home, { recursive: true })
  await adminJson('recover', 'alice@example.org', '--send')
  alicesKey = await users.alice.enroll('alice@example.org')
  bob = await agentOf(users.bob)
  const { message } = await bob.encrypt(utf8(BOBS_LETTER))
  alice = {
    gnupg: await exported(users.alice, 'gnupg'),
    openpgp: await exported(users.alice, 'openpgp'),
    sealed: sealedIn(message),
    signed: await bob.sign(utf8(BOBS_LETTER)),
    old,
  }
  bobsCertificate = await published('bob@example.org')
})

afterAll(async () => {
  bob?.close()
  await organization?.end()
})

async function writtenByGnupg(certificate: Uint8Array, fingerprint: string): Promise<string> {
  const gnupg = await openpgpProgram('gpg')
  try {
    await gnupg.learn(certificate, fingerprint)
    return await gnupg.encrypt(utf8(OLD_LETTER))
  } finally {
    await gnupg.end()
  }
}

async function exported(user: User, format: string): Promise<string> {
  const args = ['export', '--secret', '--format', format, '--password-file', user.passwordFile]
  const { exitCode, stdout, stderr } = await user.mailseal(args)
  expect(exitCode, stderr).toBe(0)
  return stdout
}

describe.each(PROGRAM_NAMES)("%s with Alice's exported keys", (name) => {
  let program: OpenpgpProgram

  beforeAll(async () => {
    program = await openpgpProgram(name)
    await program.learn(bobsCertificate, bobsKey.fingerprint)
    await program.own(name === 'gpg' ? alice.gnupg : alice.openpgp, USER_PASSWORD, alicesKey.fingerprint)
  })
  afterAll(() => program?.end())

  it('opens what the agent sealed, and finds the signature inside good', async () => {
    const { content, isSigned } = await program.decrypt(alice.sealed)
    expect(isSigned).toBe(true)
    expect(content?.toString()).toMatch(/^Subject: Geheim\r$/m)
    expect(content?.toString()).toContain('Gr=C3=BC=C3=9Fe: trailing=20\r\n=2D-=20\r\nBob\r\n')
  })

  it(`opens mail to the key that was recovered${name in UNABLE ? ' not' : ''}`, async () => {
    const { content } = await program.decrypt(alice.old)
    expect(content?.toString() ?? null).toBe(name in UNABLE ? null : OLD_LETTER)
  })

  it('finds the signature of the agent good, and not over anything else', async () => {
    const { signedBytes, signature } = signedIn(alice.signed)
    const changed = utf8(new TextDecoder().decode(signedBytes).replace('Bob', 'Bab'))
    const verified = [program.verifies(signedBytes, signature), program.verifies(changed, signature)]
    expect(await Promise.all(verified)).toEqual([true, false])
  })

  it('seals what the agent opens, with a good signature or with none', async () => {
    const entity = utf8(ENTITY)
    const seal = async (isSigned: boolean) => encryptedMessage(HEADER, await program.encrypt(entity, { isSigned }))
    const [signed, unsigned] = await Promise.all([seal(true), seal(false)])
    const opened = await bob.open(signed)
    expect(opened).toMatchObject({
      summary: 'confidential+verified',
      signature: { status: 'good', address: 'alice@example.org', serial: alicesKey.serial },
      recipients: [{ address: 'bob@example.org', status: 'good' }],
      warnings: [],
      exitCode: 0,
    })
    expect(Buffer.from(opened.message).toString()).toContain(ENTITY.slice(ENTITY.indexOf('\r\n\r\n')))
    expect(await bob.open(unsigned)).toMatchObject({
      summary: 'confidential',
      signature: { status: 'none' },
      warnings: [],
      exitCode: 0,
      text: opened.text,
    })
    expect(opened.text).toContain('Grüße aus Köln, trailing blanks  \t\n')
  })

  it('makes signatures that the agent finds good, whatever the line ends, and not over anything else', async () => {
    const entity = utf8(ENTITY)
    // As mutt has it done: text mode makes CRLF of what is written in LF.
    const written = { binary: entity, text: withLf(entity) }
    const signatures = await Promise.all(program.signatureModes.map((mode) => program.sign(written[mode], mode)))
    const verifier = await bob.openVerifier()
    for (const signature of signatures) {
      const message = signedMessage(HEADER, entity, signature)
      for (const received of [message, withLf(message)]) {
        expect(await verifier.verify(received)).toMatchObject({
          summary: 'verified',
          signature: { status: 'good', address: 'alice@example.org', fingerprint: alicesKey.fingerprint },
        })
      }
      const stripped = utf8(new TextDecoder().decode(message).replace('blanks  \t', 'blanks'))
      expect((await verifier.verify(stripped)).signature.status).toBe('bad')
    }
    verifier.close()
  })
})

describe('GnuPG without any secret of the organization', () => {
  let gpg: Gnupg

  beforeAll(async () => {
    gpg = await makeGnupg()
  })
  afterAll(() => gpg?.end())

  it('imports CA and certificate and finds the certification good, with its serial number and expiry', async () => {
    for (const path of ['/v1/ca', `${PATHS.certificates}alice@example.org`]) {
      const imported = await gpg(['--import'], await download(path))
      expect(imported.stderr).toContain('imported: 1')
      expect(imported.exitCode).toBe(0)
    }
    const listOptions = ['--list-options', 'show-notations,show-sig-expire', '--check-signatures', 'alice@example.org']
    const { stdout, stderr } = await gpg(listOptions)
    expect(stdout).toContain('Müller, Alice <alice@example.org>')
    // "!" is a good signature, "N" one with notations, the two dates its own and its expiry.
    const { serial, validFrom, validTo } = alicesKey
    const [from, to] = [validFrom.slice(0, 10), validTo.slice(0, 10)]
    expect(stdout).toMatch(new RegExp(`^sig!3 +N +[0-9A-F]{16} ${from} ${to} .*<openpgp-ca@example\\.org>`, 'm'))
    expect(stdout).toContain(`mailseal-serial@example.org=${serial}`)
    expect(stdout).toContain(`mailseal-valid-from@example.org=${Date.parse(validFrom) / 1000}`)
    expect(stderr).not.toMatch(/bad signature|not checked/)
  })

  it('makes signatures that are unknown to the agent', async () => {
    await gpg.makeKey('Eve <eve@example.net>')
    const signature = await gpg(['--armor', '--local-user', 'eve@example.net', '--detach-sign'], ENTITY)
    expect(signature.exitCode, signature.stderr).toBe(0)
    const message = signedMessage('From: Eve <eve@example.net>\r\n', utf8(ENTITY), signature.stdout)
    expect(await bob.verify(message)).toMatchObject({
      summary: 'unprotected',
      signature: { status: 'unknown' },
      exitCode: 3,
    })
  })
})
