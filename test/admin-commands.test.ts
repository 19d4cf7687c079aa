import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeOrganization, type Organization } from './support/organization.ts'
import { runProgram } from './support/run.ts'

/* mailseal-admin against a real KM server: names, exit codes and JSON as COMMANDS.md has them. */

interface Issued {
  readonly address: string
  readonly status: string
  readonly temporaryKey: string
  readonly expires: string
  readonly sent: boolean
}
interface Results<T> {
  readonly results: readonly T[]
}
interface Failure {
  readonly error: { readonly code: string; readonly message: string; readonly hint?: string }
}

const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/
const TEMPORARY_KEY = /^([0-9A-HJKMNP-TV-Z]{5}-){4}[0-9A-HJKMNP-TV-Z]{5}$/

let organization: Organization

beforeAll(async () => {
  organization = await makeOrganization()
})
afterAll(() => organization.end())

/** Each test has a mailbox of its own. */
async function addMailbox(address: string, name = ''): Promise<string> {
  await organization.adminJson('mailboxes', 'add', address, ...(name === '' ? [] : ['--name', name]))
  return address
}

async function statusOf(address: string): Promise<Record<string, unknown>> {
  const { mailboxes } = await organization.adminJson<{ mailboxes: [Record<string, unknown>] }>('status', address)
  return mailboxes[0]
}

async function enable(...words: string[]): Promise<Issued> {
  const { results } = await organization.adminJson<Results<Issued>>('enable', ...words)
  return results[0] as Issued
}

/** What a failing command prints with --json. */
async function failed<T = Failure>(exitCode: number, ...words: string[]): Promise<T> {
  const outcome = await organization.admin(...words, '--json')
  expect([outcome.exitCode, outcome.stderr]).toEqual([exitCode, ''])
  return JSON.parse(outcome.stdout) as T
}

test('a mailbox is added, listed, and added only once', async () => {
  const added = await organization.adminJson(
    'mailboxes',
    'add',
    'Anna.B@EXAMPLE.org',
    '--name',
    'Zoë, "Z" B.'.replaceAll('"', ''),
  )
  expect(added).toEqual({
    id: expect.stringMatching(/^[0-9a-f]{32}$/),
    address: 'Anna.B@example.org',
    name: 'Zoë, Z B.',
    status: 'Undefined',
    certificate: null,
    temporaryKey: null,
    lastReport: null,
    archivedKeys: 0,
  })
  const { mailboxes } = await organization.adminJson<{ mailboxes: object[] }>('mailboxes', 'list')
  expect(mailboxes).toContainEqual(added)
  expect(await failed(1, 'mailboxes', 'add', 'Anna.B@example.org')).toMatchObject({ error: { code: 'already-exists' } })
  expect(await failed(41, 'mailboxes', 'add', 'no address')).toMatchObject({ error: { code: 'bad-data' } })
  const shown = await organization.admin('mailboxes', 'list')
  expect(shown.stdout).toMatch(/^ADDRESS +NAME +STATUS\n/)
  expect(shown.stdout).toMatch(/^Anna\.B@example\.org +Zoë, Z B\. +Undefined$/m)
})

test('enable issues a temporary key once; reissue replaces it; cancel takes it back', async () => {
  const address = await addMailbox('life@example.org', 'Life')
  const issued = await enable(address)
  expect(issued).toEqual({
    address,
    status: 'New',
    temporaryKey: expect.stringMatching(TEMPORARY_KEY),
    expires: expect.stringMatching(RFC3339),
    sent: false,
  })
  expect(await statusOf(address)).toMatchObject({
    status: 'New',
    certificate: null,
    temporaryKey: { issued: expect.stringMatching(RFC3339), expires: issued.expires, sent: false, expired: false },
  })
  const { results } = await failed<Results<Failure>>(104, 'enable', address)
  expect(results).toEqual([
    { address, error: expect.objectContaining({ code: 'task-not-allowed', hint: expect.stringContaining('reissue') }) },
  ])
  const again = await organization.adminJson<Results<Issued>>('reissue', address)
  expect(again.results[0]).toMatchObject({ address, status: 'New', sent: false })
  expect(again.results[0]?.temporaryKey).not.toBe(issued.temporaryKey)
  expect(await organization.adminJson('cancel', address)).toEqual({ results: [{ address, status: 'Undefined' }] })
  expect(await statusOf(address)).toMatchObject({ status: 'Undefined', temporaryKey: null })
})

test('--send puts the enrollment message into the outbox, and the file goes with the key', async () => {
  const address = await addMailbox('mailed@example.org', 'Mailed, Jr.')
  const issued = await enable(address, '--send')
  expect(issued).toMatchObject({ sent: true, keyInMessage: true })
  const file = await organization.messageTo(address)
  const message = await readFile(file, 'latin1')
  expect(message.split(issued.temporaryKey)).toHaveLength(2)
  expect(message).toContain('Content-Type: application/vnd.mailseal.enrollment; name=enrollment.mailseal\r\n')
  expect(await statusOf(address)).toMatchObject({ temporaryKey: { sent: true } })
  await organization.adminJson('cancel', address)
  expect(existsSync(file)).toBe(false)
})

test('a message of one’s own without the place keeps the key out', async () => {
  const address = await addMailbox('own@example.org')
  const text = join(organization.folder, 'welcome.txt')
  await writeFile(text, 'Subject: Welcome to {{organization}}\n\nCome and get your key.\n')
  const issued = await enable(address, '--send', '--message', text)
  expect(issued).toMatchObject({ sent: true, keyInMessage: false, temporaryKey: expect.stringMatching(TEMPORARY_KEY) })
  const message = await readFile(await organization.messageTo(address), 'latin1')
  expect(message).toContain('Subject: Welcome to Example Organization\r\n')
  expect(message).not.toContain(issued.temporaryKey)
})

test('the text form of enable shows the key and how to hand it over', async () => {
  const address = await addMailbox('text@example.org')
  const { stdout, exitCode } = await organization.admin('enable', address)
  expect(exitCode).toBe(0)
  expect(stdout).toMatch(
    /^text@example\.org: New\n {2}temporary key: {2}[0-9A-Z-]{29}\n {2}works until: {4}\S+ \S+ UTC\n/,
  )
  expect(stdout).toContain(`mailseal enroll --address ${address} --server ${organization.url}`)
})

test('the original’s fault 1: a mailbox revoked before it enrolled can be enabled again', async () => {
  const address = await addMailbox('early@example.org')
  await enable(address)
  expect(await organization.adminJson('revoke', address)).toEqual({
    results: [{ address, status: 'Undefined', serials: [], crlNumber: null }],
  })
  expect(await enable(address)).toMatchObject({ status: 'New' })
})

test('an enrolled mailbox is Active, reports, and is revoked on a list that is out at once', async () => {
  const address = await addMailbox('enrolled@example.org', 'Enrolled')
  await enable(address, '--send')
  const { serial, fingerprint, validTo } = await organization.user('enrolled').enroll(address)
  const certificate = { serial, fingerprint, validTo, expired: false }
  expect(await statusOf(address)).toMatchObject({ status: 'Active', certificate, temporaryKey: null })
  expect(await failed(104, 'enable', address)).toMatchObject({ results: [{ error: { code: 'task-not-allowed' } }] })
  const { results } = await organization.adminJson<Results<{ crlNumber: number }>>(
    'revoke',
    address,
    '--reason',
    'left',
  )
  expect(results).toEqual([{ address, status: 'Disabled', serials: [serial], crlNumber: expect.any(Number) }])
  expect(await organization.adminJson('crl', 'show')).toMatchObject({ number: results[0]?.crlNumber, entries: 1 })
})

test('several addresses: each is done or refused by itself', async () => {
  const [first, second] = [await addMailbox('one@example.org'), await addMailbox('two@example.org')]
  const unknown = 'nobody@example.org'
  const { results } = await failed<Results<object>>(1, 'enable', first, unknown, second)
  expect(results).toEqual([
    expect.objectContaining({ address: first, status: 'New' }),
    { address: unknown, error: expect.objectContaining({ code: 'not-found' }) },
    expect.objectContaining({ address: second, status: 'New' }),
  ])
  const mixed = await organization.admin('revoke', first, unknown)
  expect(mixed.exitCode).toBe(1)
  expect(mixed.stdout).toBe(`${first}: Undefined; the temporary key is void\n`)
  expect(mixed.stderr).toMatch(/^mailseal-admin: error: nobody@example\.org .*\nmailseal-admin: hint: .*mailboxes add/)
})

test('status filters, and an address that is no mailbox is an error', async () => {
  const address = await addMailbox('filtered@example.org')
  await enable(address)
  const list = async (...words: string[]) => {
    const { mailboxes } = await organization.adminJson<{ mailboxes: { address: string; status: string }[] }>(
      'status',
      ...words,
    )
    return mailboxes
  }
  const fresh = await list('--status', 'new')
  expect(fresh.map((mailbox) => mailbox.address)).toContain(address)
  expect(new Set(fresh.map(({ status }) => status))).toEqual(new Set(['New']))
  expect(await list('--status', 'active')).toEqual([])
  expect(await list('--expiring', '60d')).toEqual([])
  expect(await failed(1, 'status', 'nobody@example.org')).toMatchObject({ error: { code: 'not-found' } })
})

test('a wrong password: exit 105, nothing done, and the attempt stands in the journal', async () => {
  const address = await addMailbox('guessed@example.org')
  const file = join(organization.folder, 'wrong')
  await writeFile(file, 'admin:not this password at all\n', { mode: 0o600 })
  const words = ['enable', address, '--server', organization.url, '--credentials-file', file, '--json']
  const { exitCode, stdout } = await runProgram('mailseal-admin', words)
  expect([exitCode, JSON.parse(stdout)]).toMatchObject([105, { error: { code: 'password-wrong' } }])
  expect(await statusOf(address)).toMatchObject({ status: 'Undefined' })
  const { entries } = await organization.adminJson<{ entries: { task: string; result: string }[] }>('journal')
  expect(entries).toContainEqual(expect.objectContaining({ task: 'enable', result: 'password-wrong' }))
})

test('the journal holds each task in order, with no temporary key', async () => {
  const address = await addMailbox('journaled@example.org')
  const { temporaryKey } = await enable(address)
  const { stdout } = await organization.admin('journal', '--json')
  const { entries, head } = JSON.parse(stdout)
  expect(entries.map(({ index }: { index: number }) => index)).toEqual(entries.map((_: object, at: number) => at + 1))
  expect(entries.findLast(({ subject }: { subject: string }) => subject === address)).toEqual({
    index: expect.any(Number),
    time: expect.stringMatching(RFC3339),
    task: 'enable',
    administrators: ['admin'],
    subject: address,
    result: 'done',
    requestId: expect.stringMatching(/^[0-9a-f]{32}$/),
    hash: expect.stringMatching(/^[0-9a-f]{64}$/),
  })
  expect(head).toBe(entries.at(-1).hash)
  expect(stdout).not.toContain(temporaryKey)
})

test('crl show and authority show need no password', async () => {
  const open = (...words: string[]) => runProgram('mailseal-admin', [...words, '--server', organization.url, '--json'])
  const crl = JSON.parse((await open('crl', 'show')).stdout)
  expect(crl).toEqual({
    number: expect.any(Number),
    thisUpdate: expect.stringMatching(RFC3339),
    nextUpdate: expect.stringMatching(RFC3339),
    entries: expect.any(Number),
  })
  expect(Date.parse(crl.nextUpdate) - Date.parse(crl.thisUpdate)).toBe(24 * 3_600_000)
  expect(JSON.parse((await open('authority', 'show')).stdout)).toEqual({
    organization: 'Example Organization',
    domains: ['example.org'],
    version: 1,
    issued: expect.stringMatching(RFC3339),
    rootFingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
    generation: 1,
    authorities: [{ fingerprint: expect.stringMatching(/^[0-9a-f]{40}$/), state: 'active' }],
  })
})

test('where nothing answers: exit 107 with the address', async () => {
  const { exitCode, stderr } = await runProgram('mailseal-admin', ['crl', 'show', '--server', 'http://127.0.0.1:9'])
  expect(exitCode).toBe(107)
  expect(stderr).toContain('error: the KM server at http://127.0.0.1:9 does not answer\n')
})
