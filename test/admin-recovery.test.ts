import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeOrganization, type Organization } from './support/organization.ts'

/* Recovery, change and removal of mailboxes by mailseal-admin against a real KM server. */

interface Issued {
  readonly address: string
  readonly status: string
  readonly temporaryKey: string
  readonly sent: boolean
  readonly history?: { readonly keys: number; readonly damaged: readonly string[] }
}
interface Results<T> {
  readonly results: readonly T[]
}
interface Refused {
  readonly error: { readonly code: string; readonly message: string; readonly hint: string }
}

let organization: Organization

beforeAll(async () => {
  organization = await makeOrganization()
})
afterAll(() => organization.end())

async function issue(task: string, ...words: string[]): Promise<Issued> {
  const { results } = await organization.adminJson<Results<Issued>>(task, ...words)
  return results[0] as Issued
}

async function statusOf(address: string): Promise<Record<string, unknown>> {
  const { mailboxes } = await organization.adminJson<{ mailboxes: [Record<string, unknown>] }>('status', address)
  return mailboxes[0]
}

/** A mailbox that was enrolled once, in a home of its own. */
async function enrolled(name: string) {
  const address = `${name}@example.org`
  await organization.adminJson('mailboxes', 'add', address, '--name', `The ${name}`)
  await issue('enable', address, '--send')
  return organization.user(name).enroll(address)
}

async function refusalOf(exitCode: number, ...words: string[]): Promise<Refused['error']> {
  const { exitCode: exit, stdout } = await organization.admin(...words, '--json')
  expect(exit).toBe(exitCode)
  const answer = JSON.parse(stdout) as Refused | Results<Refused>
  const refused = 'results' in answer ? answer.results[0] : answer
  if (refused === undefined) throw new Error('nothing was refused')
  return refused.error
}

test('recover: the certificate stays while the temporary key waits; reissue asks the archive again; cancel goes back', async () => {
  const { address, serial } = await enrolled('lost')
  const recovered = await organization.admin('recover', address, '--json')
  expect([recovered.exitCode, recovered.stderr]).toEqual([
    0,
    'mailseal-admin: the key history of The lost <lost@example.org> comes back: 1 encryption key\n',
  ])
  expect(JSON.parse(recovered.stdout).results).toEqual([
    {
      address,
      status: 'Key recovery in progress',
      temporaryKey: expect.any(String),
      expires: expect.any(String),
      history: { keys: 1, damaged: [] },
      sent: false,
    },
  ])
  const status = await statusOf(address)
  expect(status).toMatchObject({
    status: 'Key recovery in progress',
    certificate: { serial, expired: false },
    temporaryKey: { sent: false, expired: false },
    archivedKeys: 1,
  })
  const { mailboxes } = await organization.adminJson<{ mailboxes: object[] }>('status', '--status', 'key-recovery')
  expect(mailboxes).toContainEqual(status)
  expect(await refusalOf(104, 'recover', address)).toMatchObject({
    code: 'task-not-allowed',
    hint: expect.stringContaining(`mailseal-admin reissue ${address}`),
  })
  expect(await issue('reissue', address)).toMatchObject({ history: { keys: 1, damaged: [] } })
  expect(await organization.adminJson('cancel', address)).toEqual({ results: [{ address, status: 'Active' }] })
})

test('the message of a recovery says that the key is new and old mail stays readable', async () => {
  const { address } = await enrolled('mailed')
  expect(await issue('recover', address, '--send')).toMatchObject({ sent: true })
  const message = await readFile(await organization.messageTo(address), 'latin1')
  expect(message).toContain('You were enrolled before.')
  expect(message).toContain('Your old mail stays readable')
})

test('enable after revoke returns the history; --without-history returns none, nor does its reissue', async () => {
  const { address } = await enrolled('back')
  await organization.adminJson('revoke', address)
  expect(await issue('enable', address)).toMatchObject({
    status: 'Key recovery in progress',
    history: { keys: 1, damaged: [] },
  })
  expect(await organization.adminJson('cancel', address)).toEqual({ results: [{ address, status: 'Disabled' }] })
  expect(await issue('enable', address, '--without-history')).not.toHaveProperty('history')
  expect(await issue('reissue', address)).not.toHaveProperty('history')
})

test('recover is refused where there is nothing to recover, with what to do instead', async () => {
  const address = 'never@example.org'
  await organization.adminJson('mailboxes', 'add', address)
  const undefinedHint = { code: 'task-not-allowed', hint: expect.stringContaining(`mailseal-admin enable ${address}`) }
  expect(await refusalOf(104, 'recover', address)).toMatchObject(undefinedHint)
  await issue('enable', address)
  expect(await refusalOf(104, 'recover', address)).toMatchObject({
    code: 'task-not-allowed',
    hint: expect.stringContaining(`mailseal-admin reissue ${address}`),
  })
  expect(await refusalOf(1, 'recover', 'nobody@example.org')).toMatchObject({ code: 'not-found' })
  expect(await refusalOf(41, 'recover', 'no address')).toMatchObject({ code: 'bad-data' })
})

test('mailboxes change: a name changes no certificate, an address ends it and asks to enable again', async () => {
  const { address, serial } = await enrolled('mover')
  expect(await organization.adminJson('mailboxes', 'change', address, '--name', 'New Name')).toMatchObject({
    name: 'New Name',
    status: 'Active',
    certificate: { serial },
    serials: [],
  })
  const moved = 'moved@example.org'
  expect(await organization.adminJson('mailboxes', 'change', address, '--address', moved)).toMatchObject({
    address: moved,
    name: 'New Name',
    status: 'Disabled',
    certificate: null,
    serials: [serial],
    archivedKeys: 1,
  })
  expect(await refusalOf(1, 'status', address)).toMatchObject({ code: 'not-found' })
  expect(await issue('enable', moved)).toMatchObject({ history: { keys: 1, damaged: [] } })
})

test('mailboxes change refuses addresses that are taken, foreign or none', async () => {
  for (const name of ['here', 'taken']) await organization.adminJson('mailboxes', 'add', `${name}@example.org`)
  const change = (to: string) => ['mailboxes', 'change', 'here@example.org', '--address', to]
  expect(await refusalOf(1, ...change('taken@example.org'))).toMatchObject({ code: 'already-exists' })
  expect(await refusalOf(41, ...change('no address'))).toMatchObject({ code: 'bad-data' })
  expect(await refusalOf(108, ...change('here@example.com'))).toMatchObject({ code: 'refused-by-policy' })
  expect(await refusalOf(41, 'mailboxes', 'change', 'here@example.org', '--name', 'a<b')).toMatchObject({
    code: 'bad-data',
  })
  expect(await statusOf('here@example.org')).toMatchObject({ address: 'here@example.org', name: '' })
})

test('mailboxes remove revokes and frees the address, whose next mailbox has no history', async () => {
  const { address, serial } = await enrolled('leaver')
  const { id } = await statusOf(address)
  const { results } = await organization.adminJson<Results<{ crlNumber: number }>>('mailboxes', 'remove', address)
  expect(results).toEqual([{ address, serials: [serial], crlNumber: expect.any(Number) }])
  expect(await organization.adminJson('crl', 'show')).toMatchObject({ number: results[0]?.crlNumber })
  expect(await refusalOf(1, 'mailboxes', 'remove', address)).toMatchObject({ code: 'not-found' })
  const next = await organization.adminJson<{ id: string }>('mailboxes', 'add', address)
  expect(next).toMatchObject({ status: 'Undefined', archivedKeys: 0 })
  expect(next.id).not.toBe(id)
  expect(await issue('enable', address)).not.toHaveProperty('history')
})

test('the journal holds the new tasks, done and refused', async () => {
  const { stdout } = await organization.admin('journal')
  for (const line of [
    /recover +lost@example\.org +done +admin\n/,
    /recover +never@example\.org +task-not-allowed +admin\n/,
    /mailboxes\.change +mover@example\.org +done +admin\n/,
    /mailboxes\.remove +leaver@example\.org +done +admin\n/,
  ]) {
    expect(stdout).toMatch(line)
  }
})
