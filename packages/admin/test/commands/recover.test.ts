import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { issueKey, NOW, onTheWire } from '../issued.ts'
import { type Answer, type Received, serve } from '../km-server.ts'
import { run, type Script } from './run.ts'

let folder: string
let credentials: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mailseal-admin-'))
  credentials = join(folder, 'credentials')
  writeFileSync(credentials, 'admin:a:long:password\n', { mode: 0o600 })
})
afterAll(() => rmSync(folder, { recursive: true }))

interface At {
  readonly answers: Readonly<Record<string, (received: Received) => Answer>>
  readonly script?: Script
}

/** Runs a command line against a server that answers each task as told; with a script, on a terminal. */
async function at({ answers, script }: At, ...words: string[]) {
  const { url, received } = await serve((request) => {
    const answer = answers[request.path.replace('/v1/tasks/', '')]
    if (answer === undefined) throw new Error(`nobody expected ${request.path}`)
    return answer(request)
  })
  const outcome = await run([...words, '--credentials-file', credentials], { MAILSEAL_SERVER: url }, script)
  return { ...outcome, received, paths: received.map(({ path }) => path.replace('/v1/tasks/', '')) }
}

const NO_SEND = ['How will the temporary key reach its user?', '\u001b[B\r'] as const
const LOST = 'c'.repeat(40)
const mailbox = (address: string, status: string, archivedKeys: number, name = '') => ({
  id: 'a'.repeat(32),
  address,
  name,
  status,
  certificate: null,
  temporaryKey: null,
  lastReport: null,
  archivedKeys,
})
const MAILBOXES = [
  mailbox('alice@example.org', 'Active', 2, 'Alice Example'),
  mailbox('bob@example.org', 'Disabled', 1),
  mailbox('carol@example.org', 'Disabled', 0, 'Carol'),
  mailbox('dave@example.org', 'Undefined', 0),
  mailbox('erin@example.org', 'Key recovery in progress', 3),
]
const ALL = MAILBOXES.map(({ address }) => address)

/** The list as the KM server gives it: an address that is no mailbox refuses the whole question. */
function list({ body }: Received): Answer {
  const { addresses } = body.parameters as { addresses?: string[] }
  const unknown = addresses?.find((address) => !ALL.includes(address))
  const error = { code: 'not-found', message: `${unknown} is no mailbox of this KM server` }
  if (unknown !== undefined) return { status: 404, json: { error } }
  const mailboxes = MAILBOXES.filter(({ address }) => addresses?.includes(address) ?? true)
  return { json: { mailboxes, next: null } }
}
const results = (...results: object[]) => ({ json: { results } })
const nothing = () => results()

async function recovered(keys = 2, damaged: string[] = []) {
  const issued = await issueKey({ status: 'Key recovery in progress', history: { keys, damaged } })
  return { issued, answer: () => results(onTheWire(issued)) }
}

describe('recover', () => {
  test('a script gets key and history in one task, named by name and address', async () => {
    const { issued, answer } = await recovered()
    const answers = { recover: answer }
    const json = await at({ answers }, 'recover', 'alice@example.org', '--json')
    expect(json.paths).toEqual(['recover'])
    expect([json.code, json.err]).toEqual([
      0,
      'mailseal-admin: the key history of Alice Example <alice@example.org> comes back: 2 encryption keys\n',
    ])
    expect(JSON.parse(json.out)).toEqual({
      results: [
        {
          address: 'alice@example.org',
          status: 'Key recovery in progress',
          temporaryKey: issued.temporaryKey,
          expires: '2026-12-07T12:00:00Z',
          history: { keys: 2, damaged: [] },
          sent: false,
        },
      ],
    })
    const text = await at({ answers }, 'recover', 'alice@example.org', '--quiet')
    expect([text.code, text.err]).toEqual([0, ''])
    expect(text.out).toMatch(
      /^alice@example\.org: Key recovery in progress\n {2}temporary key: {2}[0-9A-Z-]{29}\n {2}works until: .*\n {2}key history: {4}2 encryption keys come back\n/,
    )
  })

  test('damaged entries are named by fingerprint, with what it means, also with --quiet', async () => {
    const { answer } = await recovered(1, [LOST])
    const { code, err, out } = await at({ answers: { recover: answer } }, 'recover', 'alice@example.org', '--quiet')
    expect(code).toBe(0)
    expect(err).toBe(
      `mailseal-admin: warning: alice@example.org: the archive's copy of encryption key ${LOST} is damaged and does not come back; mail encrypted to that key cannot be opened again, unless its user still has the old key file\n`,
    )
    expect(out).toContain('  key history:    1 encryption key comes back\n')
    const json = await at({ answers: { recover: answer } }, 'recover', 'alice@example.org', '--json')
    expect(JSON.parse(json.out).results[0].history).toEqual({ keys: 1, damaged: [LOST] })
  })

  test('a mailbox without archived keys is said to have none', async () => {
    const { answer } = await recovered(0)
    const { err, out } = await at({ answers: { recover: answer } }, 'recover', 'alice@example.org')
    expect(err).toBe(
      'mailseal-admin: Alice Example <alice@example.org> has no key history: the archive holds no encryption keys\n',
    )
    expect(out).toContain('  key history:    no encryption keys come back\n')
  })

  test("the server's refusal of one address comes through with its hint", async () => {
    const { answer } = await recovered()
    const error = {
      code: 'task-not-allowed',
      message: 'dave@example.org is Undefined: it has no keys to recover',
      hint: 'to give it a temporary key: mailseal-admin enable dave@example.org',
    }
    const both = () => results(...answer().json.results, { address: 'dave@example.org', error })
    const { code, err, out } = await at(
      { answers: { recover: both } },
      ...['recover', 'alice@example.org', 'dave@example.org', '--quiet'],
    )
    expect(code).toBe(104)
    expect(out).toContain('alice@example.org: Key recovery in progress\n')
    expect(err).toBe(`mailseal-admin: error: ${error.message}\nmailseal-admin: hint: ${error.hint}\n`)
  })
})

describe('on a terminal, whose history comes back is named first', () => {
  const listed = [
    'mailseal-admin: the key history of Alice Example <alice@example.org> comes back: 2 encryption keys',
    'mailseal-admin: the key history of bob@example.org comes back: 1 encryption key',
    'mailseal-admin: Carol <carol@example.org> has no key history: the archive holds no encryption keys',
  ]
  const warned =
    'mailseal-admin: whoever enrolls with the temporary key can read the mail that was encrypted to these keys'
  const question = 'Return the key history of alice@example.org, bob@example.org, carol@example.org?'
  // What follows may stand on the next line of the terminal.
  const sees = question.slice(0, 40)

  test('recover names each mailbox and asks; without a yes nothing is done', async () => {
    const answers = { 'mailboxes.list': list, recover: nothing }
    const { code, err, out, paths } = await at({ answers, script: [NO_SEND, [sees, '\r']] }, 'recover', ...ALL)
    expect([code, out, paths]).toEqual([130, '', ['mailboxes.list']])
    expect(err).toBe([...listed, warned, 'mailseal-admin: error: not confirmed; nothing was done', ''].join('\n'))
  })

  test('after a yes the task is done for all that were given', async () => {
    const answers = { 'mailboxes.list': list, recover: nothing }
    const { code, paths, received } = await at({ answers, script: [NO_SEND, [sees, 'y\r']] }, 'recover', ...ALL)
    expect([code, paths]).toEqual([0, ['mailboxes.list', 'recover']])
    expect(received[1]?.body.parameters).toEqual({ addresses: ALL })
  })

  test('addresses that are no mailboxes do not hide the others, which are asked about', async () => {
    const answers = { 'mailboxes.list': list, recover: nothing }
    const words = ['recover', 'nobody@example.org', 'no address', 'bob@EXAMPLE.org']
    const asked = ['Return the key history of bob@example.org?', 'y\r'] as const
    const { err, paths, received } = await at({ answers, script: [NO_SEND, asked] }, ...words)
    expect(paths).toEqual(['mailboxes.list', 'mailboxes.list', 'recover'])
    expect(err).toBe(`${listed[1]}\n${warned}\n`)
    expect(received[2]?.body.parameters).toEqual({ addresses: words.slice(1) })
  })

  test('one that is no mailbox is left to the task to refuse', async () => {
    const error = { code: 'not-found', message: 'nobody@example.org is no mailbox of this KM server', hint: 'add it' }
    const answers = { 'mailboxes.list': list, enable: () => results({ address: 'nobody@example.org', error }) }
    const { code, err, paths } = await at({ answers, script: [NO_SEND] }, 'enable', 'nobody@example.org')
    expect([code, paths]).toEqual([1, ['mailboxes.list', 'enable']])
    expect(err).toBe(`mailseal-admin: error: ${error.message}\nmailseal-admin: hint: add it\n`)
    const { paths: none } = await at({ answers, script: [NO_SEND] }, 'enable', 'no address')
    expect(none).toEqual(['enable'])
  })

  test.each([
    ['enable', 'bob@example.org', 'alice@example.org'],
    ['reissue', 'erin@example.org', 'bob@example.org'],
  ])('%s asks about %s alone', async (task, address, other) => {
    const answers = { 'mailboxes.list': list, [task]: nothing }
    const asked = [`Return the key history of ${address}?`, 'y\r'] as const
    const { code, err, paths } = await at({ answers, script: [NO_SEND, asked] }, task, address, other)
    expect([code, paths]).toEqual([0, ['mailboxes.list', task]])
    expect(err).toContain(`the key history of ${address} comes back`)
    expect(err).not.toContain(other)
    expect((await at({ answers, script: [NO_SEND] }, task, 'dave@example.org')).err).toBe('')
  })

  test('--without-history needs neither list nor question, and says so to the KM server', async () => {
    const { code, paths, received } = await at(
      { answers: { enable: nothing }, script: [NO_SEND] },
      ...['enable', 'bob@example.org', '--without-history'],
    )
    expect([code, paths]).toEqual([0, ['enable']])
    expect(received[0]?.body.parameters).toEqual({ addresses: ['bob@example.org'], withoutHistory: true })
  })

  test('a wrong password ends it before any question', async () => {
    const error = { code: 'password-wrong', message: 'administrator name or password is wrong' }
    const answers = { 'mailboxes.list': () => ({ status: 401, json: { error } }), recover: nothing }
    const { code, paths } = await at({ answers, script: [NO_SEND] }, 'recover', 'alice@example.org')
    expect([code, paths]).toEqual([105, ['mailboxes.list']])
  })
})

describe('mailboxes change', () => {
  const changed = (mailbox: object, serials: string[] = []) => ({
    'mailboxes.change': () => ({ json: { mailbox, serials } }),
  })

  test('a name alone: what it means for the certificate, and for a temporary key that waits', async () => {
    const certificate = {
      serial: '00000000000000ff',
      fingerprint: 'b'.repeat(40),
      validFrom: NOW,
      validTo: NOW + 86_400,
      renewFrom: NOW + 3600,
      expired: false,
    }
    const alice = { ...mailbox('alice@example.org', 'Active', 1, 'Alice New'), certificate }
    const words = ['mailboxes', 'change', 'alice@example.org', '--name', 'Alice New']
    const { code, out, received } = await at({ answers: changed(alice) }, ...words)
    expect(received[0]?.body.parameters).toEqual({ address: 'alice@example.org', name: 'Alice New' })
    expect([code, out]).toEqual([
      0,
      'Changed to Alice New <alice@example.org>.\nThe certificate keeps the old name until the next enrollment.\n',
    ])
    const temporaryKey = { issued: NOW, expires: NOW + 86_400, sent: true, expired: false }
    const waiting = await at(
      { answers: changed({ ...alice, status: 'New', certificate: null, temporaryKey }) },
      ...words,
    )
    expect(waiting.out).toBe(
      'Changed to Alice New <alice@example.org>.\nThe temporary key that waits keeps the old name. For the new one:\n  mailseal-admin reissue alice@example.org\n',
    )
    const bare = await at({ answers: changed({ ...alice, status: 'Undefined', certificate: null }) }, ...words)
    expect(bare.out).toBe('Changed to Alice New <alice@example.org>.\n')
  })

  const MOVED = mailbox('al@example.org', 'Disabled', 1)
  const MOVE = ['mailboxes', 'change', 'alice@example.org', '--address', 'al@example.org']

  test('an address ends certificates, and says how to get one for the new address', async () => {
    const answers = changed(MOVED, ['00000000000000ff'])
    const { code, out, received } = await at({ answers }, ...MOVE)
    expect(received[0]?.body.parameters).toEqual({ address: 'alice@example.org', newAddress: 'al@example.org' })
    expect([code, out]).toEqual([
      0,
      'Changed to al@example.org.\nSerial number 00000000000000ff ended with the old address.\nFor a certificate with the new address:\n  mailseal-admin enable al@example.org\n',
    ])
    const json = await at({ answers }, ...MOVE, '--json')
    expect(JSON.parse(json.out)).toEqual({ ...MOVED, serials: ['00000000000000ff'] })
  })

  test('on a terminal a new address is asked about, a new name is not', async () => {
    const answers = changed(MOVED)
    const asked = 'Change alice@example.org to al@example.org?'
    expect(await at({ answers, script: [[asked, '\r']] }, ...MOVE)).toMatchObject({
      code: 130,
      err: 'mailseal-admin: error: not confirmed; nothing was done\n',
      paths: [],
    })
    expect(await at({ answers, script: [[asked, 'y\r']] }, ...MOVE)).toMatchObject({ code: 0, err: '' })
    expect(await at({ answers, script: [] }, ...MOVE, '--yes')).toMatchObject({ code: 0, err: '' })
    const rename = ['mailboxes', 'change', 'alice@example.org', '--name', '']
    const { code, received } = await at({ answers, script: [] }, ...rename)
    expect([code, received[0]?.body.parameters]).toEqual([0, { address: 'alice@example.org', name: '' }])
  })

  test('with nothing to change it is wrong usage', async () => {
    const { code, err, received } = await at({ answers: {} }, 'mailboxes', 'change', 'alice@example.org')
    expect([code, received]).toEqual([2, []])
    expect(err).toBe(
      'mailseal-admin: error: nothing to change was given\nmailseal-admin: hint: add --name NAME, --address NEW or both\n',
    )
  })

  test.each([
    ['already-exists', 409, 1],
    ['not-found', 404, 1],
    ['bad-data', 400, 41],
  ])('%s comes through', async (code, status, exit) => {
    const error = { code, message: 'no' }
    const answers = { 'mailboxes.change': () => ({ status, json: { error } }) }
    expect(await at({ answers }, ...MOVE)).toMatchObject({ code: exit, out: '', err: expect.stringContaining('no\n') })
  })
})

describe('mailboxes remove', () => {
  const REMOVED = { address: 'alice@example.org', serials: ['00000000000000ff'], crlNumber: NOW }
  const BOB = { address: 'bob@example.org', serials: [], crlNumber: null }
  const answers = { 'mailboxes.remove': () => results(REMOVED, BOB) }
  const words = ['mailboxes', 'remove', 'alice@example.org', 'bob@example.org']

  test('on a terminal it says what ends and goes on only after a yes', async () => {
    const asked = 'Remove alice@example.org, bob@example.org?'
    expect(await at({ answers, script: [[asked, '\r']] }, ...words)).toMatchObject({
      code: 130,
      err: 'mailseal-admin: error: not confirmed; nothing was done\n',
      paths: [],
    })
    expect(await at({ answers, script: [[asked, 'y\r']] }, ...words)).toMatchObject({ code: 0, err: '' })
    expect(await at({ answers, script: [] }, ...words, '--yes')).toMatchObject({ code: 0, err: '' })
  })

  test('the question names the end of history', async () => {
    const asked = ['has no history', 'y\r'] as const
    const single = ['mailboxes', 'remove', 'a@b.org']
    expect(await at({ answers, script: [asked] }, ...single)).toMatchObject({ code: 0 })
  })

  test('a script that says it means it, as with revoke', async () => {
    const { code, out, received } = await at({ answers }, ...words)
    expect([code, out]).toEqual([
      0,
      `alice@example.org: removed; serial number 00000000000000ff is on revocation list ${NOW}\nbob@example.org: removed; it had no certificate\n`,
    ])
    expect(received[0]?.body.parameters).toEqual({ addresses: ['alice@example.org', 'bob@example.org'] })
    expect(JSON.parse((await at({ answers }, ...words, '--json')).out)).toEqual({ results: [REMOVED, BOB] })
  })

  test('one that is no mailbox is refused, the other removed', async () => {
    const error = { code: 'not-found', message: 'bob@example.org is no mailbox of this KM server', hint: 'add it' }
    const mixed = { 'mailboxes.remove': () => results(REMOVED, { address: 'bob@example.org', error }) }
    const { code, out, err } = await at({ answers: mixed }, ...words)
    expect([code, err]).toEqual([1, `mailseal-admin: error: ${error.message}\nmailseal-admin: hint: add it\n`])
    expect(out).toContain('alice@example.org: removed;')
  })
})

test('status shows a key recovery with both certificate and temporary key', async () => {
  const certificate = {
    serial: '00000000000000ff',
    fingerprint: 'b'.repeat(40),
    validFrom: NOW,
    validTo: NOW + 86_400,
    renewFrom: NOW + 3600,
    expired: false,
  }
  const temporaryKey = { issued: NOW, expires: NOW + 86_400, sent: false, expired: false }
  const mailboxes = [{ ...mailbox('alice@example.org', 'Key recovery in progress', 1), certificate, temporaryKey }]
  const answers = { 'mailboxes.list': () => ({ json: { mailboxes, next: null } }) }
  const { out, received } = await at({ answers }, 'status', '--status', 'key-recovery')
  expect(received[0]?.body.parameters).toEqual({ status: 'Key recovery in progress' })
  expect(out).toContain('alice@example.org  Key recovery in progress  00000000000000ff  2026-11-24')
  const { out: details } = await at({ answers }, 'status', 'alice@example.org')
  expect(details).toContain('Serial number:   00000000000000ff\n')
  expect(details).toContain('Temporary key:   issued 2026-11-23 12:00 UTC, not sent by e-mail')
  expect(details).toContain('Key history:     1 encryption key\n')
})
