import { readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readAuthority } from '@mailseal/common/authority'
import { describe, expect, it } from 'vitest'
import {
  invitationOf,
  LETTER,
  newAgent,
  newMailbox,
  organization,
  task,
  useOrganization,
} from '../support/enrolling.ts'

useOrganization({ mailboxes: 15 })

describe('enrolling', () => {
  it('from the enrollment message: key file, certificate, list and report are there afterwards', async () => {
    const issued = await newMailbox()
    const { agent, home } = await newAgent()
    const result = await agent.enroll({ temporaryKey: issued.temporaryKey, invitation: invitationOf(issued) })
    expect(result).toMatchObject({
      address: issued.address,
      server: organization.url,
      keyFile: join(home, 'mailseal.keyfile'),
      recoveredKeys: 0,
      continued: false,
      keptAside: [],
      warnings: [],
    })
    expect((await readdir(home)).filter((name) => !name.startsWith('state.sqlite')).sort()).toEqual([
      'mailseal.keyfile',
      'revocations.crl',
    ])
    for (const name of await readdir(home)) expect((await stat(join(home, name))).mode & 0o777).toBe(0o600)
    const { mailboxes } = await task('mailboxes.list', { addresses: [issued.address] })
    const [mailbox] = mailboxes
    expect(mailbox).toMatchObject({ status: 'Active', temporaryKey: null })
    expect(mailbox?.certificate).toMatchObject({
      serial: result.serial,
      fingerprint: result.fingerprint,
      validFrom: result.validFrom,
      validTo: result.validTo,
    })
    expect(mailbox?.lastReport?.crlNumber).toBe((await agent.status()).crl.number)
    expect((await agent.keyFile.info()).keys).toMatchObject([
      { fingerprint: result.fingerprint, serial: result.serial },
    ])
  })

  it('by address, server and key alone', async () => {
    const issued = await newMailbox()
    const { agent } = await newAgent()
    const typed = issued.temporaryKey.toLowerCase().replaceAll('-', ' ')
    const result = await agent.enroll({ temporaryKey: typed, address: issued.address, server: organization.url })
    expect(result.address).toBe(issued.address)
    const signed = await agent.sign(LETTER(issued.address))
    expect(await agent.verify(signed)).toMatchObject({
      exitCode: 0,
      signature: { status: 'good', serial: result.serial },
    })
  })

  it('with the root demanded and given', async () => {
    const issued = await newMailbox()
    const { rootFingerprint } = readAuthority(issued.authority)
    const { agent, home } = await newAgent()
    const enrollment = { temporaryKey: issued.temporaryKey, server: organization.url }
    await expect(agent.enroll({ ...enrollment, root: 'ab'.repeat(32) })).rejects.toMatchObject({
      code: 'untrusted',
      message: `the root's fingerprint is ${rootFingerprint}, not the one demanded`,
    })
    await expect(agent.enroll({ ...enrollment, root: 'abc' })).rejects.toMatchObject({ code: 'usage' })
    expect(await readdir(home)).not.toContain('enrollment.pending')
    const groups = rootFingerprint.toUpperCase().match(/.{4}/g)?.join(' ') ?? ''
    await agent.enroll({ ...enrollment, root: groups })
  })

  it('by no known server is refused', async () => {
    const { agent } = await newAgent()
    const { temporaryKey } = await newMailbox()
    await expect(agent.enroll({ temporaryKey })).rejects.toMatchObject({
      code: 'usage',
      message: 'no KM server is known',
    })
  })
})

describe('the command line', () => {
  it('enrolls from the message in the outbox and ends with the key file and how to copy it', async () => {
    const address = 'carol@example.org'
    await organization.adminJson('mailboxes', 'add', address, '--name', 'Carol')
    await organization.adminJson('enable', address, '--send')
    const carol = organization.user('carol')
    const message = await organization.messageTo(address)
    const outcome = await carol.mailseal(['enroll', message, '--password-file', carol.passwordFile, '--batch'])
    expect(outcome).toMatchObject({ exitCode: 0 })
    expect(outcome.stderr).toContain('mailseal: using the temporary key in the message\n')
    expect(outcome.stdout).toMatch(/^Enrolled carol@example\.org: .*, valid until \d{4}-\d\d-\d\d \d\d:\d\d UTC\.\n/)
    expect(outcome.stdout).toMatch(
      /mailseal\.keyfile\n.*mailseal keyfile use COPY.*\n {2}mailseal keyfile copy COPY\n$/,
    )

    const file = await carol.sign(address, 'Hello')
    const good = await carol.mailseal(['verify', file])
    expect(good).toMatchObject({ exitCode: 0 })
    expect(good.stdout).toMatch(/^Verified: signed by carol@example\.org\.\n/)
    await organization.adminJson('revoke', address, '--yes')
    const revoked = await carol.mailseal(['verify', file])
    expect(revoked.exitCode).toBe(100)
    expect(revoked.stdout).toMatch(/^This message was secured with a revoked security certificate\. It was revoked on /)
    const many = await carol.json<{ results: { file: string; signature: { status: string } }[] }>(
      ['verify', file, join(organization.folder, 'credentials')],
      { exitCode: 100 },
    )
    expect(many.results.map((result) => result.signature.status)).toEqual(['revoked', 'none'])
  })

  it('says what stands in the way', async () => {
    const dave = organization.user('dave')
    expect(await dave.mailseal(['status'])).toMatchObject({ exitCode: 1, stdout: '' })
    const keyFile = join(organization.folder, 'wrong-key')
    await writeFile(keyFile, 'AAAAA-AAAAA-AAAAA-AAAAA-AAAAB\n')
    const args = ['enroll', '--server', organization.url, '--temporary-key-file', keyFile]
    const mistyped = await dave.mailseal([...args, '--password-file', dave.passwordFile, '--json'])
    expect(mistyped.exitCode).toBe(106)
    expect(JSON.parse(mistyped.stdout)).toEqual({
      error: {
        code: 'temporary-key-mistyped',
        message: 'the temporary key is mistyped',
        hint: 'compare it with what you were given, character by character',
      },
    })
    const nobody = await dave.mailseal(['enroll', '--server', organization.url, '--batch'])
    expect(nobody).toMatchObject({ exitCode: 67, stdout: '' })
    expect(nobody.stderr).toContain('mailseal: hint: give it with --temporary-key-file FILE\n')
  })
})
