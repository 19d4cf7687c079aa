import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fromBase64url } from '@mailseal/common'
import { decodeBody, parseMime } from '@mailseal/common/mime'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { COMMANDS } from '../../src/commands/index.ts'
import { issueKey, NOW, onTheWire } from '../issued.ts'
import { type Answer, type Received, serve } from '../km-server.ts'
import { run } from './run.ts'

let folder: string
let credentials: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mailseal-admin-'))
  credentials = join(folder, 'credentials')
  writeFileSync(credentials, 'admin:a:long:password\n', { mode: 0o600 })
})
afterAll(() => rmSync(folder, { recursive: true }))

/** Runs a command line against a server that answers as told. */
async function at(answer: (received: Received, count: number) => Answer, ...words: string[]) {
  const { url, received } = await serve(answer)
  return { ...(await run([...words, '--credentials-file', credentials], { MAILSEAL_SERVER: url })), received }
}

const results = (...results: object[]): Answer => ({ json: { results } })
const BOB_REFUSED = {
  address: 'bob@example.org',
  error: { code: 'task-not-allowed', message: 'bob@example.org is Active', hint: 'revoke it first' },
}
const REVOKED = { address: 'alice@example.org', status: 'Disabled', serials: ['00000000000000ff'], crlNumber: NOW }
const ACTIVE = {
  id: 'a'.repeat(32),
  address: 'alice@example.org',
  name: 'Alice',
  status: 'Active',
  certificate: {
    serial: '00000000000000ff',
    fingerprint: 'b'.repeat(40),
    validFrom: NOW,
    validTo: NOW + 86_400,
    renewFrom: NOW + 3600,
    expired: false,
  },
  temporaryKey: { issued: NOW, expires: NOW + 86_400, sent: true, expired: false },
  lastReport: { time: NOW, crlNumber: 7, version: 'mailseal/0.1.0' },
  archivedKeys: 2,
}

describe('passwords', () => {
  test('come from the file, the password being all after the first colon', async () => {
    const { received, code } = await at(() => results(REVOKED), 'revoke', 'alice@example.org')
    expect(received[0]?.body.credentials).toEqual([{ administrator: 'admin', password: 'a:long:password' }])
    expect(code).toBe(0)
  })

  test('are not taken from a file that others can read', async () => {
    const open = join(folder, 'open')
    writeFileSync(open, 'admin:a long password\n')
    chmodSync(open, 0o644)
    const { url, received } = await serve(() => results())
    const { code, err, out } = await run(['status', '--server', url, '--credentials-file', open])
    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err).toBe(
      `mailseal-admin: error: file "${open}" holds secrets and others can read it\nmailseal-admin: hint: make it yours alone: chmod 600 "${open}"\n`,
    )
    expect(received).toEqual([])
  })

  test('that nobody can be asked for end it before anything is sent', async () => {
    const { url, received } = await serve(() => results())
    const { code, err } = await run(['enable', 'alice@example.org', '--server', url])
    expect(code).toBe(67)
    expect(err).toBe(
      "mailseal-admin: error: nobody can be asked for an administrator's password\nmailseal-admin: hint: give names and passwords with --credentials-file FILE\n",
    )
    expect(received).toEqual([])
  })

  test('never go over plain http to another machine', async () => {
    const words = ['revoke', 'alice@example.org', '--server', 'http://km.example.org', '--json']
    const { code, out } = await run([...words, '--credentials-file', credentials])
    expect(code).toBe(108)
    expect(JSON.parse(out)).toMatchObject({ error: { code: 'refused-by-policy' } })
  })
})

describe('enable and reissue', () => {
  test('each address is done or refused by itself; the exit code is that of the refusal', async () => {
    const issued = await issueKey()
    const answer = () => results(onTheWire(issued), BOB_REFUSED)
    const json = await at(answer, 'enable', 'alice@example.org', 'bob@example.org', '--json')
    expect(json).toMatchObject({ code: 104, err: '' })
    expect(JSON.parse(json.out)).toEqual({
      results: [
        {
          address: 'alice@example.org',
          status: 'New',
          temporaryKey: issued.temporaryKey,
          expires: '2026-12-07T12:00:00Z',
          sent: false,
        },
        BOB_REFUSED,
      ],
    })
    const text = await at(answer, 'reissue', 'alice@example.org', 'bob@example.org')
    expect(text).toMatchObject({
      code: 104,
      err: 'mailseal-admin: error: bob@example.org is Active\nmailseal-admin: hint: revoke it first\n',
    })
    expect(text.out).toBe(
      [
        'alice@example.org: New',
        `  temporary key:  ${issued.temporaryKey}`,
        '  works until:    2026-12-07 12:00 UTC',
        '  Give the temporary key to its user in person, or by telephone to a voice that you know, but not by e-mail.',
        '  The user then types: mailseal enroll --address alice@example.org --server https://km.example.org',
        '',
      ].join('\n'),
    )
    expect(text.received.map(({ path }) => path)).toEqual(['/v1/tasks/reissue'])
  })

  test('--send mails the message and shows the key', async () => {
    const issued = await issueKey()
    const { code, out, received } = await at(
      (_, count) => (count === 1 ? results(onTheWire(issued)) : { json: { delivery: 'outbox' } }),
      ...['enable', 'alice@example.org', '--send'],
    )
    expect(code).toBe(0)
    expect(out).toContain(issued.temporaryKey)
    expect(out).toContain("The enrollment message was written to the KM server's outbox.\n")
    expect(out).not.toContain('in person')
    expect(textSent(received)).toContain(issued.temporaryKey)
  })

  test('a message file without the place keeps the key out, and says who has to hand it over', async () => {
    const issued = await issueKey()
    const file = join(folder, 'welcome.txt')
    writeFileSync(file, 'Subject: Hello\n\nYour key comes by other means, {{name}}.\n')
    const send = async (...options: string[]) =>
      at(
        (_, count) => (count === 1 ? results(onTheWire(issued)) : { json: { delivery: 'submitted' } }),
        ...['enable', 'alice@example.org', '--send', '--message', file, ...options],
      )
    const { out, received, code } = await send()
    expect(code).toBe(0)
    expect(textSent(received).trim()).toBe('Your key comes by other means, Alice Example.')
    expect(out).toContain(
      'The enrollment message, without the temporary key, was sent.\n  Give the temporary key to its',
    )
    const [result] = JSON.parse((await send('--json')).out).results
    expect(result).toMatchObject({ sent: true, keyInMessage: false, temporaryKey: issued.temporaryKey })
  })

  test('a key that may not be mailed is shown all the same, and the exit code tells', async () => {
    const issued = await issueKey({ sendToken: null })
    const answer = () => results(onTheWire(issued))
    const { code, out, received } = await at(answer, 'enable', 'alice@example.org', '--send', '--json')
    expect(code).toBe(108)
    expect(JSON.parse(out).results).toEqual([
      expect.objectContaining({
        temporaryKey: issued.temporaryKey,
        sent: false,
        sendError: {
          code: 'refused-by-policy',
          message: 'the organization does not allow temporary keys to be mailed',
          hint: 'give the temporary key to its user in person',
        },
      }),
    ])
    expect(received).toHaveLength(1)
    const text = await at(answer, 'enable', 'alice@example.org', '--send')
    expect(text.out).toContain(issued.temporaryKey)
    expect(text.err).toContain(
      'error: alice@example.org: the organization does not allow temporary keys to be mailed\n',
    )
  })

  test.each([
    [['--message', 'FILE'], 41, 'line 1: unknown placeholder'],
    [['--message', 'FILE', '--no-send'], 2, '--message has no use with --no-send'],
    [['--message', 'FILE.missing', '--send'], 1, 'does not exist'],
  ])('a wrong message is found before a key is issued: %j', async (options, expected, message) => {
    const file = join(folder, 'wrong.txt')
    writeFileSync(file, '{{key}}')
    const words = options.map((word) => word.replace('FILE', file))
    const { code, err, received } = await at(() => results(), 'enable', 'alice@example.org', ...words)
    expect(code).toBe(expected)
    expect(err).toContain(message)
    expect(received).toEqual([])
  })
})

describe('on a terminal', () => {
  const MESSAGE = ['How will the temporary key reach its user?', '\r'] as const
  const NAME = ['Administrator', 'admin\r'] as const
  const PASSWORD = ['Password 1 of 1', 'typed password\r'] as const
  const nothing = { code: 130, out: '', err: 'mailseal-admin: error: canceled; nothing was done\n' }

  test('enable asks how to hand the key over, then for name and password', async () => {
    const issued = await issueKey()
    const { url, received } = await serve(({ path }) => {
      if (path === '/v1/tasks/mailboxes.list')
        return { json: { mailboxes: [{ ...ACTIVE, status: 'Undefined' }], next: null } }
      return path === '/v1/tasks/enable' ? results(onTheWire(issued)) : { json: { delivery: 'outbox' } }
    })
    const { code, out, err } = await run(['enable', 'alice@example.org', '--server', url], {}, [
      MESSAGE,
      NAME,
      PASSWORD,
    ])
    expect([code, err]).toEqual([0, ''])
    expect(out).toContain(issued.temporaryKey)
    // The password was typed once, for both.
    expect(received.slice(0, 2).map(({ path, body }) => [path, body.credentials])).toEqual([
      ['/v1/tasks/mailboxes.list', [{ administrator: 'admin', password: 'typed password' }]],
      ['/v1/tasks/enable', [{ administrator: 'admin', password: 'typed password' }]],
    ])
    expect(textSent(received.slice(1))).toContain(issued.temporaryKey)
  })

  test.each([
    ['how the key goes', [[MESSAGE[0], null]]],
    ['the name', [MESSAGE, [NAME[0], null]]],
    ['the password', [MESSAGE, NAME, [PASSWORD[0], null]]],
  ] as const)("the original's fault 3: canceling %s does nothing, and says so", async (_, script) => {
    const { url, received } = await serve(() => results())
    expect(await run(['enable', 'alice@example.org', '--server', url], {}, script)).toEqual(nothing)
    expect(received).toEqual([])
  })

  test('revoke names the mailboxes and the reason, and goes on only after a yes', async () => {
    const { url, received } = await serve(() => results(REVOKED))
    const words = ['revoke', 'alice@example.org', 'bob@example.org', '--reason', 'left', '--server', url]
    // What follows may stand on the next line of the terminal.
    const question = 'Revoke alice@example.org, bob@example.org (reason: left)?'
    expect(await run(words, {}, [[question, '\r']])).toMatchObject({
      code: 130,
      err: 'mailseal-admin: error: not confirmed; nothing was done\n',
    })
    expect(received).toEqual([])
    expect(await run(words, {}, [[question, 'y\r'], NAME, PASSWORD])).toMatchObject({ code: 0, err: '' })
    expect(await run([...words, '--yes'], {}, [NAME, PASSWORD])).toMatchObject({ code: 0, err: '' })
    expect(received).toHaveLength(2)
  })
})

/** The text part of the message that was posted. */
function textSent(received: readonly Received[]): string {
  const [part] = parseMime(fromBase64url(received[1]?.body.message, 'message')).children
  return part ? Buffer.from(decodeBody(part)).toString() : ''
}

describe('cancel and revoke', () => {
  test('where nobody can be asked, revoke goes ahead', async () => {
    const { code, out, received } = await at(() => results(REVOKED), 'revoke', 'alice@example.org', '--reason', 'left')
    expect(code).toBe(0)
    expect(out).toBe(`alice@example.org: Disabled; serial number 00000000000000ff is on revocation list ${NOW}\n`)
    expect(received[0]?.body.parameters).toEqual({ addresses: ['alice@example.org'], reason: 'left' })
  })

  test('several serial numbers of a mailbox are all named', async () => {
    const both = { ...REVOKED, serials: ['00000000000000ff', '00000000000000fe'] }
    expect((await at(() => results(both), 'revoke', 'alice@example.org')).out).toBe(
      `alice@example.org: Disabled; serial numbers 00000000000000ff, 00000000000000fe are on revocation list ${NOW}\n`,
    )
  })

  test('revoke --json tells serial numbers and list', async () => {
    const { out, received } = await at(() => results(REVOKED), 'revoke', 'alice@example.org', '--yes', '--json')
    expect(JSON.parse(out)).toEqual({ results: [REVOKED] })
    expect(received[0]?.body.parameters.reason).toBe('unspecified')
  })

  test('a mailbox that was only New has a void key and no serial number', async () => {
    const done = { address: 'alice@example.org', status: 'Undefined', serials: [], crlNumber: null }
    expect((await at(() => results(done), 'revoke', 'alice@example.org')).out).toBe(
      'alice@example.org: Undefined; the temporary key is void\n',
    )
  })

  test('cancel --json', async () => {
    const done = { address: 'alice@example.org', status: 'Undefined' }
    const { code, out } = await at(() => results(done), 'cancel', 'alice@example.org', '--json')
    expect([code, JSON.parse(out)]).toEqual([0, { results: [done] }])
  })
})

describe('status and lists', () => {
  const page = (...mailboxes: object[]): Answer => ({ json: { mailboxes, next: null } })

  test('status --json has RFC 3339 times', async () => {
    const { out } = await at(() => page(ACTIVE), 'status', '--json')
    expect(JSON.parse(out)).toEqual({
      mailboxes: [
        {
          ...ACTIVE,
          certificate: {
            ...ACTIVE.certificate,
            validFrom: '2026-11-23T12:00:00Z',
            validTo: '2026-11-24T12:00:00Z',
            renewFrom: '2026-11-23T13:00:00Z',
          },
          temporaryKey: { issued: '2026-11-23T12:00:00Z', expires: '2026-11-24T12:00:00Z', sent: true, expired: false },
          lastReport: { time: '2026-11-23T12:00:00Z', crlNumber: 7, version: 'mailseal/0.1.0' },
        },
      ],
    })
  })

  test('one address gets all details, with the words of the original', async () => {
    const { out } = await at(() => page(ACTIVE), 'status', 'alice@example.org')
    expect(out).toBe(
      [
        'Mailbox:         Alice <alice@example.org>',
        'Current status:  Active',
        '                 Security has been enabled, and the one-time temporary key has been received from the client.',
        'Serial number:   00000000000000ff',
        `Fingerprint:     ${'b'.repeat(40)}`,
        'Valid from:      2026-11-23 12:00 UTC',
        'Valid to:        2026-11-24 12:00 UTC',
        'Renewal from:    2026-11-23 13:00 UTC',
        'Temporary key:   issued 2026-11-23 12:00 UTC, sent by e-mail, works until 2026-11-24 12:00 UTC',
        'Key history:     2 encryption keys',
        'Last report:     2026-11-23 12:00 UTC, revocation list 7, mailseal/0.1.0',
        '',
      ].join('\n'),
    )
  })

  test('filters travel as seconds and as the status in full', async () => {
    const { received } = await at(
      () => page(),
      ...['status', '--status', 'key-recovery', '--expiring', '60d', '--silent', '2w'],
    )
    expect(received[0]?.body.parameters).toEqual({
      status: 'Key recovery in progress',
      expiringWithin: 60 * 86_400,
      silentFor: 14 * 86_400,
    })
  })

  test.each(['60', 'd', '1y', '999999d', '-1d', ''])('a span of time like %j is refused', async (span) => {
    const { code, err, received } = await at(() => page(), 'status', `--expiring=${span}`)
    expect([code, received]).toEqual([2, []])
    expect(err).toContain('error: --expiring is no span of time\n')
  })

  test('mailboxes list shows all pages in one table, as wide as its names', async () => {
    const bare = { ...ACTIVE, certificate: null, temporaryKey: null, lastReport: null }
    const pages = [
      { mailboxes: [bare], next: 'alice@example.org' },
      { mailboxes: [{ ...bare, address: 'b@example.org', name: '山田', status: 'Undefined' }], next: null },
    ]
    const { out } = await at((_, count) => ({ json: pages[count - 1] ?? {} }), 'mailboxes', 'list')
    expect(out).toBe(
      [
        'ADDRESS            NAME   STATUS',
        'alice@example.org  Alice  Active',
        'b@example.org      山田   Undefined',
        '',
      ].join('\n'),
    )
  })

  test('mailboxes add prints the mailbox, or for people the next step', async () => {
    const mailbox = { ...ACTIVE, status: 'Undefined', certificate: null, temporaryKey: null, lastReport: null }
    const { out } = await at(() => ({ json: { mailbox } }), 'mailboxes', 'add', 'alice@example.org', '--json')
    expect(JSON.parse(out)).toEqual(mailbox)
    expect((await at(() => ({ json: { mailbox } }), 'mailboxes', 'add', 'alice@example.org')).out).toBe(
      'Added alice@example.org. To enable security for it:\n  mailseal-admin enable alice@example.org\n',
    )
  })

  test('journal --json has all entries and the newest head', async () => {
    const entry = {
      index: 1,
      time: NOW,
      task: 'enable',
      administrators: ['admin'],
      subject: 'alice@example.org',
      result: 'done',
      requestId: 'c'.repeat(32),
      hash: 'd'.repeat(64),
    }
    const pages = [
      { entries: [entry], head: 'e'.repeat(64), next: 1 },
      { entries: [{ ...entry, index: 2, result: 'task-not-allowed' }], head: 'f'.repeat(64), next: null },
    ]
    const answer = (_: Received, count: number): Answer => ({ json: pages[count - 1] ?? {} })
    expect(JSON.parse((await at(answer, 'journal', '--json')).out)).toEqual({
      entries: [
        { ...entry, time: '2026-11-23T12:00:00Z' },
        { ...entry, time: '2026-11-23T12:00:00Z', index: 2, result: 'task-not-allowed' },
      ],
      head: 'f'.repeat(64),
    })
    expect((await at(answer, 'journal')).out).toContain(
      '2  2026-11-23 12:00 UTC  enable  alice@example.org  task-not-allowed  admin\n',
    )
  })

  test("text from the server can't move the cursor", async () => {
    const { out } = await at(() => page({ ...ACTIVE, name: 'A\u001b[2J' }), 'mailboxes', 'list')
    expect(out).toContain('A\\u001b[2J')
  })
})

test.each(['crl show', 'authority show'])('the help of %s says that it needs no password', async (name) => {
  const { out } = await run([...name.split(' '), '--help'])
  expect(out).toMatch(/--credentials-file F +has no effect here: no password is needed\n/)
})

test.each(COMMANDS.map(({ name }) => name))('the examples of %s are command lines of it', async (name) => {
  const command = COMMANDS.find((known) => known.name === name)
  for (const { command: line } of command?.examples ?? []) {
    expect(line.startsWith(`mailseal-admin ${name}`)).toBe(true)
    const words =
      line
        .replace(/ \|.*/, '')
        .match(/"[^"]*"|\S+/g)
        ?.slice(1) ?? []
    // Nobody listens there: what is refused as a wrong command line is refused before.
    const local = words.map((word) => word.replaceAll('"', '').replace(/^https:.*/, 'http://127.0.0.1:9'))
    const { code, err } = await run(local, { MAILSEAL_SERVER: 'http://127.0.0.1:9' })
    expect([line, code, err]).not.toEqual([line, 2, expect.anything()])
    expect(code).toBeGreaterThan(0)
  }
})
