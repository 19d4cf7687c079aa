import { MailsealError, systemRandom, toBase64url } from '@mailseal/common'
import { readPrimarySecret, signForPurpose } from '@mailseal/common/certificate'
import { encodeCrl } from '@mailseal/common/crl'
import { expect, test, vi } from 'vitest'
import { type AdminOptions, openAdmin } from '../src/index.ts'
import { issueKey, makeOrganization, NOW, onTheWire } from './issued.ts'
import { type Answer, type Received, serve } from './km-server.ts'

const CREDENTIALS = [{ administrator: 'admin', password: 'a long password' }]
const MAILBOX = {
  id: 'a'.repeat(32),
  address: 'alice@example.org',
  name: 'Alice',
  status: 'Undefined',
  certificate: null,
  temporaryKey: null,
  lastReport: null,
  archivedKeys: 0,
}

async function open(answer: (received: Received, count: number) => Answer, options: Partial<AdminOptions> = {}) {
  const { url, received } = await serve(answer)
  const admin = openAdmin({ server: url, credentials: async () => CREDENTIALS, timeout: 10_000, ...options })
  return { admin, received }
}

const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (thrown: MailsealError) => ({ code: thrown.code, message: thrown.message, hint: thrown.hint }),
  )

async function collect<T>(pages: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const page of pages) all.push(page)
  return all
}

test('an unknown option is named', () => {
  const options = { server: 'http://127.0.0.1:1', credentials: async () => [], clocks: 1 }
  expect(() => openAdmin(options)).toThrow(new TypeError('openAdmin has no option "clocks"'))
})

test('a task whose answer is lost is asked for again under the same request id', async () => {
  const { admin, received } = await open((_, count) => (count === 1 ? 'cut' : { json: { mailbox: MAILBOX } }))
  expect(await admin.mailboxes.add({ address: 'alice@example.org', name: 'Alice' })).toEqual(MAILBOX)
  expect(received).toHaveLength(2)
  expect(received[0]).toEqual(received[1])
  expect(received[0]).toMatchObject({
    path: '/v1/tasks/mailboxes.add',
    body: { credentials: CREDENTIALS, parameters: { address: 'alice@example.org', name: 'Alice' } },
  })
  await admin.mailboxes.add({ address: 'alice@example.org' })
  expect(received[2]?.body.requestId).toMatch(/^[0-9a-f]{32}$/)
  expect(received[2]?.body.requestId).not.toBe(received[0]?.body.requestId)
})

test('after the second lost answer it gives up', async () => {
  const { admin, received } = await open(() => 'cut')
  const failure = await failureOf(admin.cancel(['alice@example.org']))
  expect(failure).toMatchObject({
    code: 'server-unreachable',
    message: `the KM server at ${admin.server.origin} does not answer`,
  })
  expect(received).toHaveLength(2)
})

test("the server's refusal comes through as it is, and is not asked for again", async () => {
  const error = { code: 'password-wrong', message: 'administrator name or password is wrong', hint: 'try again' }
  const { admin, received } = await open(() => ({ status: 401, json: { error } }))
  expect(await failureOf(admin.enable(['alice@example.org']))).toEqual(error)
  expect(received).toHaveLength(1)
})

test('a code that this version does not know is an internal error with its words', async () => {
  const { admin } = await open(() => ({ status: 500, json: { error: { code: 'new-code', message: 'something new' } } }))
  expect(await failureOf(admin.journal().next())).toMatchObject({ code: 'internal-error', message: 'something new' })
})

test('each address is done or refused by itself', async () => {
  const error = { code: 'task-not-allowed', message: 'bob@example.org is Active', hint: 'revoke it' }
  const { admin } = await open(() => ({
    json: {
      results: [
        { address: 'alice@example.org', status: 'Undefined' },
        { address: 'bob@example.org', error },
      ],
    },
  }))
  const [done, refused] = await admin.cancel(['alice@example.org', 'bob@example.org'])
  expect(done).toEqual({ address: 'alice@example.org', status: 'Undefined' })
  expect(refused).toMatchObject({ address: 'bob@example.org', error: expect.any(MailsealError) })
  expect(refused && 'error' in refused && refused.error.toJSON()).toEqual(error)
})

test('attack: passwords over plain http are refused before anybody is asked (assertConfidential)', async () => {
  const credentials = vi.fn(async () => CREDENTIALS)
  const fetch = vi.fn(globalThis.fetch)
  const admin = openAdmin({ server: 'http://km.example.org:8650', credentials, fetch })
  const refusal = {
    code: 'refused-by-policy',
    message: 'passwords and temporary keys are never sent to http://km.example.org:8650',
    hint: 'use the https:// address of the KM server, or run mailseal-admin on its own machine',
  }
  const issued = await issueKey()
  expect(await failureOf(admin.enable(['alice@example.org']))).toEqual(refusal)
  expect(await failureOf(admin.mailboxes.list().next())).toEqual(refusal)
  expect(await failureOf(admin.sendEnrollmentMessage(issued, new Uint8Array(1)))).toEqual(refusal)
  expect(credentials).not.toHaveBeenCalled()
  expect(fetch).not.toHaveBeenCalled()
})

test('attack: a redirect leads passwords nowhere (the client follows none)', async () => {
  const elsewhere = await serve(() => ({ json: { results: [] } }))
  const { admin } = await open(() => ({ location: `${elsewhere.url}/v1/tasks/enable` }))
  expect(await failureOf(admin.enable(['alice@example.org']))).toMatchObject({ code: 'server-unreachable' })
  expect(elsewhere.received).toEqual([])
})

test('an answer that is not as it has to be is refused, naming the member', async () => {
  const { admin } = await open(() => ({ json: { mailbox: { ...MAILBOX, id: 'x' } } }))
  expect(await failureOf(admin.mailboxes.add({ address: 'alice@example.org' }))).toMatchObject({
    code: 'bad-data',
    message: 'the answer of the KM server: mailbox.id is not lower-case hex',
  })
})

test('an answer larger than its bound is not read to its end', async () => {
  const { admin } = await open(() => ({ bytes: new Uint8Array(256 * 1024 + 1) }))
  expect(await failureOf(admin.authority())).toMatchObject({
    code: 'too-large',
    message: 'the answer of the KM server is larger than 262144 bytes',
  })
})

test('lists come page by page, for one question for passwords', async () => {
  const credentials = vi.fn(async () => CREDENTIALS)
  const pages = [
    { mailboxes: [MAILBOX], next: 'alice@example.org' },
    { mailboxes: [{ ...MAILBOX, address: 'bob@example.org' }], next: null },
  ]
  const { admin, received } = await open((_, count) => ({ json: pages[count - 1] ?? {} }), { credentials })
  const listed = await collect(admin.mailboxes.list({ status: 'Undefined' }))
  expect(listed.flat().map(({ address }) => address)).toEqual(['alice@example.org', 'bob@example.org'])
  expect(received.map(({ body }) => body.parameters)).toEqual([
    { status: 'Undefined' },
    { status: 'Undefined', after: 'alice@example.org' },
  ])
  expect(credentials).toHaveBeenCalledTimes(1)
  expect(credentials).toHaveBeenCalledWith('mailboxes.list')
})

test('a list whose cursor stands still is not read for ever', async () => {
  const { admin } = await open(() => ({ json: { entries: [], head: '0'.repeat(64), next: 7 } }))
  expect(await failureOf(collect(admin.journal()))).toMatchObject({
    code: 'bad-data',
    message: 'the KM server answered with the same page again',
  })
})

test('an enrollment message goes out with its token, and not at all without one', async () => {
  const { admin, received } = await open(() => ({ json: { delivery: 'outbox' } }))
  const message = systemRandom(100)
  expect(await admin.sendEnrollmentMessage(await issueKey({ sendToken: 'once' }), message)).toBe('outbox')
  expect(received).toEqual([
    { path: '/v1/enrollment-messages', body: { sendToken: 'once', message: toBase64url(message) } },
  ])
  expect(await failureOf(admin.sendEnrollmentMessage(await issueKey({ sendToken: null }), message))).toEqual({
    code: 'refused-by-policy',
    message: 'the organization does not allow temporary keys to be mailed',
    hint: 'give the temporary key to its user in person',
  })
  expect(received).toHaveLength(1)
})

test('what an issue answers is read into bytes', async () => {
  const issued = await issueKey()
  const { admin } = await open(() => ({ json: { results: [onTheWire(issued)] } }))
  expect(await admin.reissue(['alice@example.org'])).toEqual([issued])
})

test('a task says no more than it was told: history unless it is refused, and only what changes', async () => {
  const answers = [
    { results: [] },
    { results: [] },
    { results: [] },
    { mailbox: MAILBOX, serials: ['00000000000000ff'] },
  ]
  const { admin, received } = await open((_, count) => ({ json: answers[count - 1] ?? {} }))
  await admin.enable(['alice@example.org'])
  await admin.enable(['alice@example.org'], { withoutHistory: true })
  await admin.recover(['alice@example.org'])
  expect(await admin.mailboxes.change('a@example.org', { newAddress: 'alice@example.org' })).toEqual({
    mailbox: MAILBOX,
    serials: ['00000000000000ff'],
  })
  expect(received.map(({ path, body }) => [path, body.parameters])).toEqual([
    ['/v1/tasks/enable', { addresses: ['alice@example.org'] }],
    ['/v1/tasks/enable', { addresses: ['alice@example.org'], withoutHistory: true }],
    ['/v1/tasks/recover', { addresses: ['alice@example.org'] }],
    ['/v1/tasks/mailboxes.change', { address: 'a@example.org', newAddress: 'alice@example.org' }],
  ])
})

test('mailboxes are removed or refused each by itself', async () => {
  const error = { code: 'not-found', message: 'bob@example.org is no mailbox of this KM server', hint: 'add it first' }
  const done = { address: 'alice@example.org', serials: ['00000000000000ff'], crlNumber: NOW }
  const { admin } = await open(() => ({ json: { results: [done, { address: 'bob@example.org', error }] } }))
  const [removed, refused] = await admin.mailboxes.remove(['alice@example.org', 'bob@example.org'])
  expect(removed).toEqual(done)
  expect(refused && 'error' in refused && refused.error.toJSON()).toEqual(error)
})

test('a name that is taken away travels as an empty one', async () => {
  const { admin, received } = await open(() => ({ json: { mailbox: MAILBOX, serials: [] } }))
  await admin.mailboxes.change('alice@example.org', { name: '' })
  expect(received[0]?.body.parameters).toEqual({ address: 'alice@example.org', name: '' })
})

test('the revocation list is shown only if the CA of the organization signed it', async () => {
  const [ours, foreign] = [await makeOrganization(), await makeOrganization()]
  const listOf = async ({ ca }: typeof ours, issuer: string) => {
    const secret = await readPrimarySecret(ca.secretKey)
    const header = { number: NOW + 5, thisUpdate: NOW, nextUpdate: NOW + 86_400, issuer }
    return encodeCrl({ ...header, journal: { index: 1, head: '0'.repeat(64) }, entries: [] }, (bytes) =>
      signForPurpose(secret, { purpose: 'revocation-list', domain: 'example.org', bytes, at: NOW }),
    )
  }
  const lists = [
    await listOf(ours, ours.ca.fingerprint),
    await listOf(foreign, foreign.ca.fingerprint),
    await listOf(foreign, ours.ca.fingerprint),
  ]
  let list = 0
  const { admin } = await open(
    ({ path }) => ({ bytes: path === '/v1/crl' ? (lists[list++] as Uint8Array) : ours.authority }),
    {
      clock: { now: () => NOW + 60 },
    },
  )
  expect(await admin.crl()).toMatchObject({ number: NOW + 5, thisUpdate: NOW, nextUpdate: NOW + 86_400, count: 0 })
  expect(await failureOf(admin.crl())).toMatchObject({
    code: 'revocation-list-refused',
    message: 'the revocation list is signed by a CA that is not active',
  })
  expect(await failureOf(admin.crl())).toMatchObject({
    code: 'revocation-list-refused',
    message: 'the revocation list has a bad signature',
  })
})
