import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { addMonths, SPANS, systemClock } from '@mailseal/common'
import { describe, expect, it } from 'vitest'
import { openState } from '../../src/state/state.ts'
import { letter } from '../mail/messages.ts'
import { enrolledAgent, type Issued, makeOrganization, PASSWORD, temporaryFolder } from '../organization.ts'
import { run } from './run.ts'

const NOW = systemClock.now()
const organization = await makeOrganization({ now: addMonths(NOW, -SPANS.renewalMonths) })
const fresh = await makeOrganization({ now: NOW })
const alice = await fresh.issue('alice@example.org', { name: 'Alice' })
const stranger = await fresh.issue('alice@example.org')

/** A computer with a mailbox's keys that reaches no server; runs of the program are in processes of their own making. */
async function computerOf(issued: Issued, of = fresh) {
  const { agent, home } = await enrolledAgent(of, issued, { clock: systemClock })
  agent.close()
  const passwordFile = join(await temporaryFolder(), 'password')
  await writeFile(passwordFile, PASSWORD)
  const env = { MAILSEAL_HOME: home }
  return { home, env, password: ['--password-file', passwordFile] }
}

/** Alice, whose directory named a certificate that she does not hold. */
async function alarmedAlice() {
  const computer = await computerOf(alice)
  const state = await openState(join(computer.home, 'state.sqlite'))
  const { key, address, certificate } = stranger
  const { fingerprint } = key
  await state.exclusively((writer) => writer.keepCertificate({ fingerprint, address, certificate, fetched: NOW }, true))
  state.close()
  return computer
}

const count = (text: string, part: string) => text.split(part).length - 1

describe('a certificate that approaches expiration', () => {
  it("is said in the original's words by what unlocks the key file, and by status, once", async () => {
    const old = await organization.issue('alice@example.org')
    const { env, password } = await computerOf(old, organization)
    const words = 'Your security certificates are approaching expiration.'
    const info = await run(['keyfile', 'info', ...password], env)
    expect(info).toMatchObject({ code: 0, err: expect.stringContaining(`mailseal: warning: ${words}`) })
    expect(info.err).toContain('mailseal renew')
    const status = await run(['status'], env)
    expect([count(status.out, words), count(status.err, words)]).toEqual([1, 0])
    const shown = await run(['report', '--show'], env)
    expect(shown.err).not.toContain(words)
  })
})

describe('a certificate for the own address that is not ours', () => {
  it('is warned about by every command, also one that fails, and stands in JSON where warnings are', async () => {
    const { env } = await alarmedAlice()
    const warning = `that is not yours (${stranger.key.fingerprint})`
    const file = join(await temporaryFolder(), 'letter.eml')
    await writeFile(file, letter())
    for (const words of [['report', '--show'], ['sync'], ['verify', file], ['keyfile', 'use', '/nowhere']]) {
      const { err } = await run(words, env)
      expect([words, count(err, warning)]).toEqual([words, 1])
    }
    const status = await run(['status', '--json'], env)
    expect(JSON.parse(status.out).warnings).toContainEqual({
      code: 'foreign-own-certificate',
      message: expect.stringContaining(warning),
    })
    const verified = await run(['verify', '--json', file], env)
    expect(JSON.parse(verified.out).warnings).toContainEqual(
      expect.objectContaining({ code: 'foreign-own-certificate' }),
    )
    expect(Object.keys(JSON.parse((await run(['report', '--show', '--json'], env)).out))).not.toContain('warnings')
  })

  it('is silent once it was acknowledged', async () => {
    const { env } = await alarmedAlice()
    const { fingerprint } = stranger.key
    const acknowledged = await run(['status', '--acknowledge', fingerprint], env)
    expect([acknowledged.code, acknowledged.out.includes(fingerprint)]).toEqual([0, false])
    expect((await run(['report', '--show'], env)).err).toBe('')
    expect(await run(['status', '--acknowledge', 'ab'.repeat(20)], env)).toMatchObject({
      code: 1,
      err: expect.stringContaining('error: no foreign certificate with this fingerprint was seen here'),
    })
  })
})

describe('mailseal revoke', () => {
  it('is refused where nobody can be asked, unless --yes says that it is meant', async () => {
    const { env, password } = await computerOf(alice)
    expect(await run(['revoke', ...password], env)).toMatchObject({
      code: 2,
      err: expect.stringContaining('hint: give --yes to revoke without being asked'),
    })
    expect(await run(['revoke', '--yes', ...password], env)).toMatchObject({ code: 107 })
  })

  it('names the consequences to a person, and does nothing without a yes', async () => {
    const { env, password } = await computerOf(alice)
    let shown = ''
    const openTerminal = () => {
      const [input, output] = [new PassThrough(), new PassThrough()]
      let isAnswered = false
      output.on('data', (chunk: Buffer) => {
        shown += chunk.toString()
        if (!isAnswered) setImmediate(() => input.write('\r'))
        isAnswered = true
      })
      return { input, output, close: () => undefined }
    }
    expect(await run(['revoke', ...password], env, openTerminal)).toMatchObject({
      code: 130,
      err: 'mailseal: error: not confirmed; nothing was done\n',
    })
    expect(shown.replace(/\s+/g, ' ')).toContain('All messages that you ever signed will be shown as revoked')
  })

  it('takes no reason but those that the list has', async () => {
    const { env } = await computerOf(alice)
    expect(await run(['revoke', '--yes', '--reason', 'replaced'], env)).toMatchObject({ code: 2 })
  })
})

describe('mailseal renew', () => {
  it('says that the KM server does not answer', async () => {
    const { env, password } = await computerOf(alice)
    expect(await run(['renew', ...password], env)).toMatchObject({
      code: 107,
      err: expect.stringContaining('mailseal: error: the KM server at http://127.0.0.1:1 does not answer'),
    })
  })
})

describe('mailseal export', () => {
  it('prints certificates without a password, and secret keys with it', async () => {
    const { env, password } = await computerOf(alice)
    const certificates = await run(['export'], env)
    expect(certificates).toMatchObject({ code: 0, err: '' })
    expect(certificates.out).toMatch(/^-----BEGIN PGP PUBLIC KEY BLOCK-----\r?\n/)
    expect(await run(['export', '--secret'], env)).toMatchObject({ code: 67, out: '' })
    const secrets = await run(['export', '--secret', '--json', ...password], env)
    const { secret, format, armored } = JSON.parse(secrets.out)
    expect([secret, format, armored]).toEqual([true, 'openpgp', expect.stringMatching(/^-----BEGIN PGP PRIVATE KEY/)])
    const both = await run(['export', '--secret', '--format', 'gnupg', ...password], env)
    expect(both.out.match(/BEGIN PGP \w+/g)).toEqual(['BEGIN PGP PUBLIC', 'BEGIN PGP PRIVATE'])
    expect(await readFile(join(env.MAILSEAL_HOME, 'mailseal.keyfile'), 'utf8')).toContain('BEGIN PGP MESSAGE')
  })
})
