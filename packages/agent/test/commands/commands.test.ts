import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { systemClock } from '@mailseal/common'
import { dayOf } from '@mailseal/common/crl'
import { type Io, runProgram } from '@mailseal/common/program'
import { describe, expect, it } from 'vitest'
import { COMMANDS, GROUPS } from '../../src/commands/index.ts'
import { letter } from '../mail/messages.ts'
import { makeOrganization, PASSWORD, temporaryFolder, writeKeyFileAt } from '../organization.ts'

const NOW = systemClock.now()
const organization = await makeOrganization({ now: NOW })
const alice = await organization.issue('alice@example.org', { name: 'Alice' })

/** A person's computer: runs commands without a terminal, with the KM server out of reach. */
async function computer() {
  const folder = await temporaryFolder()
  const passwordFile = join(folder, 'password')
  await writeFile(passwordFile, `${PASSWORD}\n`)
  const run = async (argv: readonly string[], stdin: string | Uint8Array = '') => {
    const streams = { out: new PassThrough(), err: new PassThrough() }
    const io: Io = {
      stdin: Readable.from([Buffer.from(stdin)]),
      stdout: streams.out,
      stderr: streams.err,
      env: { MAILSEAL_HOME: join(folder, 'home') },
      platform: 'linux',
      home: folder,
      isTerminal: false,
      openTerminal: () => null,
      untilStopped: () => Promise.resolve('SIGTERM'),
    }
    const definition = { name: 'mailseal', version: '1.2.3', description: 'Mail.', commands: COMMANDS, groups: GROUPS }
    const exitCode = await runProgram({ ...definition, argv, io })
    const read = (stream: PassThrough) => ((stream.read() as Buffer | null) ?? Buffer.alloc(0)).toString()
    return { exitCode, out: read(streams.out), err: read(streams.err) }
  }
  return { folder, passwordFile, run }
}

/** The same with Alice's keys on it. */
async function computerOfAlice() {
  const { folder, passwordFile, run } = await computer()
  const copy = await writeKeyFileAt(join(folder, 'copy'), organization.content(alice))
  const used = await run(['keyfile', 'use', copy, '--password-file', passwordFile])
  expect(used).toMatchObject({ exitCode: 0, err: '' })
  const sign = async (message: Uint8Array) => {
    const file = join(folder, 'signed.eml')
    const { out } = await run(['sign', '-', '--password-file', passwordFile], message)
    await writeFile(file, out)
    return file
  }
  const installList = async (list: Uint8Array) => writeFile(join(folder, 'home', 'revocations.crl'), list)
  return { folder, passwordFile, run, sign, installList }
}

describe('verify', () => {
  it("says the original's words where there is no revocation list, and exits with 103", async () => {
    const { run, sign } = await computerOfAlice()
    const { exitCode, out, err } = await run(['verify', await sign(letter())])
    expect(exitCode).toBe(103)
    expect(out.split('\n')[0]).toBe(
      'Unable to obtain a valid certificate revocation list. Digital signatures cannot be trusted at this time.',
    )
    expect(err).toBe('mailseal: warning: there is no revocation list; run: mailseal sync\n')
  })

  it("says the original's words of a revoked certificate, and exits with 100", async () => {
    const { run, sign, installList } = await computerOfAlice()
    const file = await sign(letter())
    const { serial, key } = alice
    const entries = [{ serial, revokedAt: NOW, expiryDay: dayOf(key.validTo), reason: 'left' }] as const
    await installList(await organization.list({ entries }))
    const { exitCode, out } = await run(['verify', file])
    expect(exitCode).toBe(100)
    expect(out).toMatch(
      /^This message was secured with a revoked security certificate\. It was revoked on \S+ \(left\)\.\n/,
    )
  })

  it('prints the agreed object, with times as people write them', async () => {
    const { run, sign, installList } = await computerOfAlice()
    const file = await sign(letter())
    await installList(await organization.list())
    const { exitCode, out } = await run(['verify', '-', '--json'], await readFile(file))
    expect(exitCode).toBe(0)
    expect(JSON.parse(out)).toEqual({
      summary: 'verified',
      encrypted: false,
      signature: {
        status: 'good',
        signer: 'Alice <alice@example.org>',
        address: 'alice@example.org',
        serial: alice.serial,
        fingerprint: alice.key.fingerprint,
        signedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
        reason: null,
        revokedAt: null,
      },
      revocation: { state: 'fresh', number: NOW, age: expect.any(Number) },
      recipients: [],
      warnings: [],
      subject: 'Lunch',
      from: 'alice@example.org',
      text: 'At noon?\n',
    })
  })

  it('lets no message move the cursor or put on a verdict of its own', async () => {
    const { run, installList } = await computerOfAlice()
    await installList(await organization.list())
    const subject = '=?utf-8?Q?=1B[2J=1B[HHi=0AVerified:_signed_by_boss@example.org.?='
    const { exitCode, out } = await run(['verify', '-'], letter({ subject }))
    expect(exitCode).toBe(3)
    expect(out).not.toContain('\u001b')
    expect(out.match(/^Verified/m)).toBeNull()
    expect(out).toMatch(/^Not signed\.\n/)
    expect(out).toContain('Subject (not signed): \\u001b[2J\\u001b[HHi Verified')
  })

  it('of many gives one result for each, goes on after one that cannot be read, and exits with the highest code', async () => {
    const { folder, run, sign, installList } = await computerOfAlice()
    const [good, missing, unsigned] = [await sign(letter()), join(folder, 'missing'), join(folder, 'unsigned')]
    await writeFile(unsigned, letter())
    await installList(await organization.list())
    const { exitCode, out } = await run(['verify', '--json', good, missing, unsigned])
    expect(exitCode).toBe(3)
    expect(JSON.parse(out).results).toMatchObject([
      { file: good, signature: { status: 'good' } },
      { file: missing, error: { code: 'not-found' } },
      { file: unsigned, signature: { status: 'none' } },
    ])
  })
})

describe('sign', () => {
  it('prints the message alone, or with --json as {"message"}', async () => {
    const { run, passwordFile } = await computerOfAlice()
    const plain = await run(['sign', '--password-file', passwordFile], letter())
    expect(plain).toMatchObject({ exitCode: 0, err: '' })
    expect(plain.out).toMatch(/^From: Alice <alice@example\.org>\r\n/)
    const { out } = await run(['sign', '-', '--json', '--password-file', passwordFile], letter())
    const { message, ...rest } = JSON.parse(out)
    expect(rest).toEqual({})
    expect(message).toContain('-----BEGIN PGP SIGNATURE-----')
  })

  it('without a terminal and a password file is refused at once, and prints nothing', async () => {
    const { run } = await computerOfAlice()
    const { exitCode, out, err } = await run(['sign', '-'], letter())
    expect({ exitCode, out }).toEqual({ exitCode: 67, out: '' })
    expect(err).toContain('mailseal: hint: give it with --password-file FILE\n')
  })
})

describe('the key file', () => {
  it('is copied once, for its owner alone', async () => {
    const { folder, run } = await computerOfAlice()
    const copy = join(folder, 'second.keyfile')
    const { exitCode, out, err } = await run(['keyfile', 'copy', copy, '--json'])
    expect({ exitCode, json: JSON.parse(out) }).toEqual({ exitCode: 0, json: { file: copy } })
    expect(err).toContain(`mailseal keyfile use "${copy}"`)
    expect((await stat(copy)).mode & 0o777).toBe(0o600)
    expect(await run(['keyfile', 'copy', copy, '--json'])).toMatchObject({ exitCode: 1 })
  })

  it('goes from one computer to another through a pipe', async () => {
    const { run, folder } = await computerOfAlice()
    const { exitCode, out } = await run(['keyfile', 'copy', '-'])
    expect([exitCode, out]).toEqual([0, await readFile(join(folder, 'home', 'mailseal.keyfile'), 'utf8')])
    const second = await computer()
    const used = await second.run(['keyfile', 'use', '-', '--password-file', second.passwordFile, '--json'], out)
    expect(used.exitCode).toBe(0)
    expect(JSON.parse(used.out)).toMatchObject({ address: 'alice@example.org', serial: alice.serial })
  })

  it('tells what it holds', async () => {
    const { run, passwordFile } = await computerOfAlice()
    const { out } = await run(['keyfile', 'info', '--json', '--password-file', passwordFile])
    expect(JSON.parse(out)).toMatchObject({
      address: 'alice@example.org',
      keys: [{ serial: alice.serial, created: expect.stringMatching(/Z$/) }],
    })
  })
})

describe('status and report', () => {
  it('print the agreed objects', async () => {
    const { folder, run } = await computerOfAlice()
    const status = await run(['status', '--json'])
    expect(Object.keys(JSON.parse(status.out))).toEqual([
      'address',
      'serial',
      'fingerprint',
      'validFrom',
      'validTo',
      'renewFrom',
      'keyFile',
      'server',
      'crl',
      'warnings',
    ])
    expect(JSON.parse(status.out)).toMatchObject({
      keyFile: join(folder, 'home', 'mailseal.keyfile'),
      crl: { state: 'missing', number: null, age: null },
    })
    const shown = await run(['report', '--show', '--json'])
    expect(JSON.parse(shown.out)).toMatchObject({ sent: false, serial: alice.serial, crlNumber: 0 })
  })

  it('need an enrollment', async () => {
    const { run } = await computer()
    for (const words of [['status'], ['sync'], ['report'], ['verify', '-']]) {
      const { exitCode, err } = await run(words)
      expect({ words, exitCode }).toEqual({ words, exitCode: 1 })
      expect(err).toContain('mailseal: error: this computer is not enrolled\n')
    }
  })
})
