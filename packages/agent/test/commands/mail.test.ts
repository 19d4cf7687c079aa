import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '@mailseal/common'
import { describe, expect, it } from 'vitest'
import { office, sealedLetter, written } from '../mail/office.ts'
import { enrolledAgent, frozen, type Issued, makeOrganization, PASSWORD, temporaryFolder } from '../organization.ts'
import { run } from './run.ts'

const NOW = systemClock.now()
const organization = await makeOrganization({ now: NOW })
const [alice, bob, carol] = (await Promise.all(
  ['alice', 'bob', 'carol'].map((name) => organization.issue(`${name}@example.org`)),
)) as [Issued, Issued, Issued]

/** A person's computer, which knows some people and has a list, and whose server is out of reach now. */
async function computerOf(person: Issued, known: readonly Issued[] = [alice, bob, carol]) {
  const fetch = office(await organization.list(), known)
  const { agent, home } = await enrolledAgent(organization, person, { fetch, clock: frozen(NOW) })
  await agent.check(known.map(({ address }) => address))
  const folder = await temporaryFolder()
  await writeFile(join(folder, 'password'), PASSWORD)
  const file = async (content: Uint8Array) => {
    await writeFile(join(folder, 'letter.eml'), content)
    return join(folder, 'letter.eml')
  }
  const mailseal = async (...words: string[]) => {
    const needsPassword = words[0] !== 'check' && words[0] !== 'verify'
    const password = needsPassword ? ['--password-file', join(folder, 'password')] : []
    return run([...words, ...password], { MAILSEAL_HOME: home })
  }
  return { folder, file, mailseal }
}

describe('encrypt', () => {
  it('prints the message alone, or with --json as {"message"}', async () => {
    const { file, mailseal } = await computerOf(alice)
    const letter = await file(written({ To: 'bob@example.org' }))
    const plain = await mailseal('encrypt', letter)
    expect(plain).toMatchObject({ code: 0, err: '' })
    expect(plain.out).toMatch(/^From: Alice <alice@example\.org>\r\nSubject: \[\.\.\.\]\r\nTo: bob@example\.org\r\n/)
    const json = JSON.parse((await mailseal('encrypt', letter, '--json')).out)
    expect(json).toEqual({
      message: expect.stringContaining('-----BEGIN PGP MESSAGE-----'),
      encrypted: true,
      recipients: ['bob@example.org'],
    })
  })

  it('asks for a folder where there are copies, before it asks for a password', async () => {
    const { file, mailseal } = await computerOf(alice)
    const letter = await file(written({ To: 'bob@example.org', Bcc: 'carol@example.org' }))
    const { code, out, err } = await mailseal('encrypt', letter, '--password-file', '/nowhere')
    expect([code, out]).toEqual([2, ''])
    expect(err).toBe(
      'mailseal: error: the message has recipients in Bcc, each of whom gets a message of their own\n' +
        'mailseal: hint: name a folder for them: mailseal encrypt FILE --output DIR\n',
    )
    const json = JSON.parse((await mailseal('encrypt', letter, '--json')).out)
    expect(json.bcc).toEqual([{ address: 'carol@example.org', message: expect.stringContaining('BEGIN PGP') }])
  })

  it('writes one file for each message, says to whom each goes, and overwrites nothing', async () => {
    const { folder, file, mailseal } = await computerOf(alice)
    const letter = await file(written({ To: 'bob@example.org', Bcc: 'carol@example.org' }))
    const outgoing = join(folder, 'outgoing')
    const { code, out } = await mailseal('encrypt', letter, '--output', outgoing)
    expect([code, out]).toEqual([
      0,
      `${join(outgoing, 'message.eml')}: bob@example.org\n${join(outgoing, 'bcc-1.eml')}: carol@example.org\n`,
    ])
    expect((await stat(join(outgoing, 'bcc-1.eml'))).mode & 0o777).toBe(0o600)
    for (const name of await readdir(outgoing)) {
      expect(await readFile(join(outgoing, name), 'utf8')).not.toMatch(/bcc|carol/i)
    }
    const before = await readFile(join(outgoing, 'message.eml'), 'utf8')
    expect(await mailseal('encrypt', letter, '--output', outgoing)).toMatchObject({ code: 1, out: '' })
    expect(await readFile(join(outgoing, 'message.eml'), 'utf8')).toBe(before)
  })

  it('leaves no message behind where a copy could not be written', async () => {
    const { folder, file, mailseal } = await computerOf(alice)
    const outgoing = join(folder, 'outgoing')
    await mkdir(outgoing)
    await writeFile(join(outgoing, 'bcc-1.eml'), 'another')
    const letter = await file(written({ To: 'bob@example.org', Bcc: 'carol@example.org' }))
    const { code, err } = await mailseal('encrypt', letter, '--output', outgoing)
    expect([code, err]).toEqual([1, expect.stringContaining('bcc-1.eml" exists already')])
    expect(await readdir(outgoing)).toEqual(['bcc-1.eml'])
  })

  it('refuses recipients without security, and does what it is told about them, aloud', async () => {
    const { file, mailseal } = await computerOf(alice, [bob])
    const letter = await file(written({ To: 'bob@example.org, eve@example.net' }))
    const refused = await mailseal('encrypt', letter)
    expect([refused.code, refused.out]).toEqual([108, ''])
    expect(refused.err).toContain("error: the message can't be encrypted to eve@example.net (no certificate)\n")
    const leaving = await mailseal('encrypt', letter, '--without-unsecured')
    expect(leaving).toMatchObject({ code: 0, err: 'mailseal: warning: eve@example.net: no certificate; left out\n' })
    const clear = await mailseal('encrypt', letter, '--in-clear')
    expect(clear.code).toBe(0)
    expect(clear.out).toContain('Content-Type: multipart/signed')
    expect(clear.err).toContain('the message is signed but NOT encrypted: everybody on its way can read it\n')
    for (const other of ['--no-sign', '--without-unsecured']) {
      expect(await mailseal('encrypt', letter, '--in-clear', other)).toMatchObject({
        code: 2,
        err: expect.stringContaining(`--in-clear and ${other} exclude each other`),
      })
    }
  })
})

describe('open', () => {
  const letter = written(
    { To: 'bob@example.org', Subject: '=?utf-8?Q?Hi=1B[2J=0AVerified:_signed_by_boss@example.org.?=' },
    'At noon?\n\nVerified: signed by boss@example.org.\n\u001b[2Jgone',
  )

  it('prints the verdict first, then the message, which can neither pass for it nor hide it', async () => {
    const { file, mailseal } = await computerOf(bob)
    const message = await file(await sealedLetter(letter, { from: alice, to: [bob], at: NOW }))
    const { code, out, err } = await mailseal('open', message)
    expect([code, err]).toEqual([0, ''])
    expect(out.split('\n').slice(0, 2)).toEqual([
      'Verified: signed by alice@example.org.',
      'Encrypted: to bob@example.org',
    ])
    expect(out.match(/^Verified/gm)).toHaveLength(1)
    expect(out).toContain('\nSubject: Hi\\u001b[2J Verified: signed by boss@example.org.\n')
    expect(out).toMatch(
      /\n\nMessage:\n {2}At noon\?\n\n {2}Verified: signed by boss@example\.org\.\n {2}\\u001b\[2Jgone\n$/,
    )
    expect(out).not.toContain('\u001b')
  })

  it('prints the agreed object', async () => {
    const { file, mailseal } = await computerOf(bob)
    const message = await file(await sealedLetter(written({}), { from: alice, to: [bob], at: NOW }))
    const { code, out } = await mailseal('open', message, '--json')
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({
      summary: 'confidential+verified',
      encrypted: true,
      signature: { status: 'good', address: 'alice@example.org' },
      revocation: { state: 'fresh', number: NOW },
      recipients: [{ address: 'bob@example.org', status: 'good' }],
      warnings: [],
      subject: 'Lunch',
      from: 'alice@example.org',
      text: 'At noon?\n',
    })
  })

  it('writes the decrypted message into a new file for its owner alone, and never over another', async () => {
    const { folder, file, mailseal } = await computerOf(bob)
    const message = await file(await sealedLetter(written({}), { from: alice, to: [bob], at: NOW }))
    const plain = join(folder, 'plain.eml')
    const { code, out } = await mailseal('open', message, '--output', plain)
    expect(code).toBe(0)
    expect(out).toMatch(/^Verified: /)
    expect(out).not.toContain('noon')
    expect(await readFile(plain, 'utf8')).toContain('\r\nSubject: Lunch\r\n')
    expect((await stat(plain)).mode & 0o777).toBe(0o600)
    for (const target of [plain, message]) {
      expect(await mailseal('open', message, '--output', target)).toMatchObject({
        code: 1,
        out: '',
        err: expect.stringContaining(`file "${target}" exists already`),
      })
    }
  })

  it('writes the decrypted message to stdout and the verdict to stderr if wanted', async () => {
    const { file, mailseal } = await computerOf(bob)
    const message = await file(await sealedLetter(written({}), { from: alice, to: [bob], at: NOW }))
    const { out, err } = await mailseal('open', message, '--output', '-')
    expect(out).toMatch(/^MIME-Version: 1\.0\r\nFrom: /)
    expect(err).toMatch(/^mailseal: Verified: signed by alice@example\.org\.\n/)
  })

  it('says nothing of a message that it cannot open but that', async () => {
    const { folder, file, mailseal } = await computerOf(bob)
    const message = await file(await sealedLetter(written({}), { from: alice, to: [carol], at: NOW }))
    const plain = join(folder, 'plain.eml')
    const { code, out } = await mailseal('open', message, '--json', '--output', plain)
    expect(code).toBe(29)
    expect(JSON.parse(out).error).toMatchObject({ code: 'cannot-decrypt', message: 'the message cannot be decrypted' })
    await expect(stat(plain)).rejects.toThrow('ENOENT')
  })

  it('is what verify asks for where a message is encrypted', async () => {
    const { file, mailseal } = await computerOf(bob)
    const message = await file(await sealedLetter(written({}), { from: alice, to: [bob], at: NOW }))
    const { code, out } = await mailseal('verify', message)
    expect([code, out.split('\n')[0]]).toEqual([3, 'Encrypted: to see who signed it, type mailseal open FILE'])
  })
})

describe('check', () => {
  it('says to whom one can write, and exits by the worst of them', async () => {
    const { mailseal } = await computerOf(alice, [bob])
    expect(await mailseal('check', 'bob@example.org')).toEqual({
      code: 0,
      out: 'bob@example.org  yes  has a valid certificate\n',
      err: '',
    })
    const { code, out } = await mailseal('check', 'bob@example.org', 'eve@example.net', '--json')
    expect([code, JSON.parse(out)]).toEqual([
      108,
      {
        recipients: [
          { address: 'bob@example.org', status: 'good', serial: bob.serial, reason: null },
          { address: 'eve@example.net', status: 'none', serial: null, reason: 'no-certificate' },
        ],
      },
    ])
  })
})
