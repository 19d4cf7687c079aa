import { mkdtemp, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Agent, type AgentOptions, type Invitation, openAgent } from '@mailseal/agent'
import {
  canonicalJson,
  deriveTemporaryKeySecrets,
  equalBytes,
  fromBase64url,
  generateTemporaryKey,
  parseTemporaryKey,
  systemClock,
  systemRandom,
  toBase64url,
  toHex,
  utf8,
} from '@mailseal/common'
import { readAuthority, signAuthority } from '@mailseal/common/authority'
import { makeOffer, readOffer } from '@mailseal/common/offer'
import { deriveQuorum } from '@mailseal/common/quorum-seed'
import {
  createRpcClient,
  type Fetch,
  type IssuedKey,
  PATHS,
  TASKS,
  type TaskName,
  type TaskResult,
} from '@mailseal/common/rpc'
import { generateSealingKeyPair } from '@mailseal/common/sealed-channel'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { ADMINISTRATOR, ADMINISTRATOR_PASSWORD, makeOrganization, type Organization } from './support/organization.ts'
import { programFile, type RunOptions, run } from './support/run.ts'

const PASSWORD = 'correct horse'
const runNode = (args: readonly string[], options: RunOptions) => run(process.execPath, args, options)
const LETTER = (from: string) => utf8(`From: ${from}\r\nTo: bob@example.org\r\nSubject: Lunch\r\n\r\nAt noon?\r\n`)

let organization: Organization

beforeAll(async () => {
  organization = await makeOrganization()
  await fillPool()
})

afterAll(() => organization.end())

/** One task of the administrator, straight over the interface. */
async function task<T extends TaskName>(name: T, parameters: object): Promise<TaskResult<T>> {
  const client = createRpcClient({ server: organization.url, fetch, timeout: 30_000 })
  const credentials = [{ administrator: ADMINISTRATOR, password: ADMINISTRATOR_PASSWORD }]
  const body = { requestId: toHex(systemRandom(16)), credentials, parameters }
  return client.post(PATHS.tasks + name, body, TASKS[name].result) as Promise<TaskResult<T>>
}

/** Mailboxes with a temporary key each, made in one go: every task costs the server an Argon2. */
const POOL = 50
let pool: IssuedKey[] = []

async function fillPool(): Promise<void> {
  const addresses = Array.from({ length: POOL }, (_, i) => `user${i}@example.org`)
  const remaining = [...addresses]
  const add = async () => {
    for (let address = remaining.pop(); address !== undefined; address = remaining.pop()) {
      await task('mailboxes.add', { address, name: `User of ${address.split('@')[0]}` })
    }
  }
  await Promise.all([add(), add()])
  const { results } = await task('enable', { addresses })
  pool = results.map(asIssued)
}

/** A new mailbox with a temporary key. */
async function newMailbox(): Promise<IssuedKey> {
  const issued = pool.pop()
  if (issued === undefined) throw new RangeError('the pool is too small')
  return issued
}

function asIssued(result: TaskResult<'enable'>['results'][number] | undefined): IssuedKey {
  if (result === undefined || 'error' in result) throw new Error(JSON.stringify(result))
  return result
}

async function reissue(address: string): Promise<IssuedKey> {
  const { results } = await task('reissue', { addresses: [address] })
  return asIssued(results[0])
}

const invitationOf = ({ offer, mac, authority }: IssuedKey): Invitation => ({
  offer,
  mac,
  authority,
  temporaryKey: null,
})

async function newHome(): Promise<string> {
  return mkdtemp(join(organization.folder, 'home-'))
}

async function agentAt(home: string, options: Partial<AgentOptions> = {}): Promise<Agent> {
  const agent = await openAgent({ home, password: async () => PASSWORD, ...options })
  onTestFinished(() => agent.close())
  return agent
}

async function newAgent(options: Partial<AgentOptions> = {}) {
  const home = await newHome()
  return { home, agent: await agentAt(home, options) }
}

/** The network with one path's answers changed, and a count of requests to each path. */
function network(change: { path?: string; answer?: (response: Response) => Promise<Response> } = {}) {
  const requests: { path: string; body: string }[] = []
  const fetcher: Fetch = async (input, init) => {
    const path = new URL(String(input)).pathname
    requests.push({ path, body: String(init?.body ?? '') })
    const response = await fetch(input, init)
    return path === change.path && change.answer !== undefined ? change.answer(response) : response
  }
  return { fetch: fetcher, requests, pathsOf: () => requests.map((request) => request.path) }
}

const drop = async (response: Response): Promise<Response> => {
  // The server has committed and answered; nobody hears it.
  await response.arrayBuffer()
  throw new TypeError('fetch failed')
}

const changedJson =
  (change: (body: Record<string, unknown>) => Record<string, unknown>) => async (response: Response) =>
    Response.json(change((await response.json()) as Record<string, unknown>), { status: response.status })

/** Requests that held something sealed. */
const sealedIn = (paths: readonly string[]) => paths.filter((path) => path === PATHS.enroll)

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

describe('what is noticed before anything is sent', () => {
  it('one character wrong', async () => {
    const issued = await newMailbox()
    const { fetch, requests } = network()
    const { agent } = await newAgent({ fetch })
    const wrong = issued.temporaryKey.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'))
    await expect(agent.enroll({ temporaryKey: wrong, invitation: invitationOf(issued) })).rejects.toMatchObject({
      code: 'temporary-key-mistyped',
      exitCode: 106,
    })
    expect(requests).toEqual([])
  })

  it('the temporary key of another message', async () => {
    const [issued, other] = [await newMailbox(), await newMailbox()]
    const { fetch, requests } = network()
    const { agent } = await newAgent({ fetch })
    const enrollment = { temporaryKey: other.temporaryKey, invitation: invitationOf(issued) }
    await expect(agent.enroll(enrollment)).rejects.toMatchObject({
      code: 'untrusted',
      message: 'the offer was not made for this temporary key',
    })
    expect(requests).toEqual([])
  })

  it('another address than expected, in the message', async () => {
    const issued = await newMailbox()
    const { fetch, requests } = network()
    const { agent } = await newAgent({ fetch })
    const { temporaryKey } = issued
    const enrollment = { temporaryKey, invitation: invitationOf(issued), address: 'boss@example.org' }
    await expect(agent.enroll(enrollment)).rejects.toMatchObject({
      code: 'untrusted',
      message: `the temporary key is for ${issued.address}, not for boss@example.org`,
    })
    expect(requests).toEqual([])
  })

  it('a server that nothing vouches for, in the message', async () => {
    const issued = await newMailbox()
    const { macKey } = secretsOf(issued.temporaryKey)
    const { bytes: _, hash: __, format: ___, authority, ...offer } = readOffer(issued, macKey)
    const foreign = makeOffer(
      { ...offer, authority: toBase64url(authority), server: 'https://km.evil.example' },
      macKey,
    )
    const invitation = { ...invitationOf(issued), ...foreign }
    const asked: object[] = []
    const { fetch, requests } = network()
    const confirmServer = async (introduction: object) => {
      asked.push(introduction)
      return false
    }
    const { agent } = await newAgent({ fetch, confirmServer })
    await expect(agent.enroll({ temporaryKey: issued.temporaryKey, invitation })).rejects.toMatchObject({
      code: 'server-not-trusted',
      exitCode: 108,
      message: 'nothing vouches for the KM server at https://km.evil.example',
    })
    expect(requests).toEqual([])
    const { rootFingerprint } = readAuthority(issued.authority)
    expect(asked).toEqual([
      { server: 'https://km.evil.example/', organization: 'Example Organization', rootFingerprint },
    ])
  })
})

const secretsOf = (temporaryKey: string) => deriveTemporaryKeySecrets(parseTemporaryKey(temporaryKey))

describe('a man in the middle', () => {
  /** The authority document with some members replaced, signed by a root of the attacker's own. */
  async function forged(authority: Uint8Array, change: object): Promise<Uint8Array> {
    const { document } = JSON.parse(new TextDecoder().decode(authority))
    const { root } = deriveQuorum(systemRandom(32))
    const { format: _, root: __, ...content } = document
    return signAuthority(root, { ...content, ...change })
  }

  it.each([
    ['enrollmentKey', true],
    ['enrollmentKey', false],
    ['archiveKey', true],
    ['archiveKey', false],
  ])(
    'who swaps the %s under his own root (message at hand: %s) is noticed before anything is sealed',
    async (member, withMessage) => {
      const issued = await newMailbox()
      const { publicKey } = await generateSealingKeyPair()
      const authority = await forged(issued.authority, { [member]: toBase64url(publicKey), version: 2 })
      const middle = network({
        path: PATHS.offer,
        answer: changedJson((body) => ({ ...body, authority: toBase64url(authority) })),
      })
      const { agent, home } = await newAgent({ fetch: middle.fetch })
      const enrollment = { temporaryKey: issued.temporaryKey, server: organization.url }
      const failing = agent.enroll(withMessage ? { ...enrollment, invitation: invitationOf(issued) } : enrollment)
      await expect(failing).rejects.toMatchObject({ code: 'untrusted', exitCode: 102 })
      expect(sealedIn(middle.pathsOf())).toEqual([])
      expect(await readdir(home)).not.toContain('enrollment.pending')
    },
  )

  it('who changes a key and keeps the signature is noticed before anything is sealed', async () => {
    const issued = await newMailbox()
    const { publicKey } = await generateSealingKeyPair()
    const document = JSON.parse(new TextDecoder().decode(issued.authority))
    const swapped = { ...document, document: { ...document.document, enrollmentKey: toBase64url(publicKey) } }
    const authority = toBase64url(canonicalJson(swapped))
    const middle = network({ path: PATHS.offer, answer: changedJson((body) => ({ ...body, authority })) })
    const { agent } = await newAgent({ fetch: middle.fetch })
    await expect(agent.enroll({ temporaryKey: issued.temporaryKey, server: organization.url })).rejects.toMatchObject({
      code: 'untrusted',
      message: 'the authority document is not signed by its root',
    })
    const invitation = { ...invitationOf(issued), authority: fromBase64url(authority, 'authority') }
    const { agent: other } = await newAgent({ fetch: middle.fetch })
    await expect(other.enroll({ temporaryKey: issued.temporaryKey, invitation })).rejects.toMatchObject({
      code: 'untrusted',
    })
    expect(sealedIn(middle.pathsOf())).toEqual([])
  })

  it('who changes the offer, or the time, is noticed before anything is sealed', async () => {
    const issued = await newMailbox()
    const offer = (body: Record<string, unknown>) => ({
      ...body,
      offer: toBase64url(utf8(Buffer.from(String(body.offer), 'base64url').toString().replace('user', 'boss'))),
    })
    const time = (body: Record<string, unknown>) => ({ ...body, time: Number(body.time) + 1 })
    for (const [change, message] of [
      [offer, 'the offer was not made for this temporary key'],
      [time, 'the answer does not come from the KM server that issued the temporary key'],
    ] as const) {
      const middle = network({ path: PATHS.offer, answer: changedJson(change) })
      const { agent } = await newAgent({ fetch: middle.fetch })
      const enrollment = { temporaryKey: issued.temporaryKey, server: organization.url }
      await expect(agent.enroll(enrollment)).rejects.toMatchObject({ code: 'untrusted', message })
      expect(sealedIn(middle.pathsOf())).toEqual([])
    }
  })

  it('who answers with the reply to something else gets nowhere, and nothing is lost', async () => {
    const issued = await newMailbox()
    const reply = toBase64url(systemRandom(400))
    const middle = network({ path: PATHS.enroll, answer: async () => Response.json({ reply }) })
    const home = await newHome()
    const enrollment = { temporaryKey: issued.temporaryKey, server: organization.url }
    await expect((await agentAt(home, { fetch: middle.fetch })).enroll(enrollment)).rejects.toMatchObject({
      code: 'untrusted',
      message: 'the answer is not the reply to this enrollment',
    })
    const result = await (await agentAt(home)).enroll(enrollment)
    expect(result).toMatchObject({ address: issued.address, continued: true })
  })

  it('who swaps the revocation list is noticed before the key file is written', async () => {
    const issued = await newMailbox()
    const crl = async (response: Response) => {
      const bytes = new Uint8Array(await response.arrayBuffer())
      bytes[47] = (bytes[47] ?? 0) ^ 1
      return new Response(bytes)
    }
    const { agent, home } = await newAgent({ fetch: network({ path: PATHS.crl, answer: crl }).fetch })
    const enrollment = { temporaryKey: issued.temporaryKey, server: organization.url }
    await expect(agent.enroll(enrollment)).rejects.toMatchObject({
      code: 'revocation-list-refused',
      message: 'the revocation list has a bad signature',
    })
    expect(await readdir(home)).toContain('enrollment.pending')
    expect(await readdir(home)).not.toContain('mailseal.keyfile')
  })
})

describe('a clock', () => {
  it.each([-600, 600])('that is wrong by %s seconds is noticed before anything is sealed', async (offset) => {
    const issued = await newMailbox()
    const { fetch, pathsOf } = network()
    const clock = { now: () => systemClock.now() + offset }
    const { agent } = await newAgent({ fetch, clock })
    const enrollment = { temporaryKey: issued.temporaryKey, invitation: invitationOf(issued) }
    await expect(agent.enroll(enrollment)).rejects.toMatchObject({
      code: 'clock-wrong',
      message: expect.stringMatching(/ differ by (9|10) minutes$/),
    })
    expect(sealedIn(pathsOf())).toEqual([])
  })
})

describe('an enrollment that was begun', () => {
  it('whose reply was lost after the server committed is finished with the same certificate', async () => {
    const issued = await newMailbox()
    const home = await newHome()
    const lossy = network({ path: PATHS.enroll, answer: drop })
    const enrollment = { temporaryKey: issued.temporaryKey, invitation: invitationOf(issued) }
    const first = await agentAt(home, { fetch: lossy.fetch })
    await expect(first.enroll(enrollment)).rejects.toMatchObject({
      code: 'server-unreachable',
      exitCode: 107,
      message: `the KM server at ${organization.url} does not answer; the enrollment of ${issued.address} has begun, and nothing is lost`,
      hint: 'run the same command again, with the same password: it goes on where it was',
    })
    const committed = (await task('mailboxes.list', { addresses: [issued.address] })).mailboxes[0]
    expect(committed?.status).toBe('Active')
    expect((await stat(join(home, 'enrollment.pending'))).mode & 0o777).toBe(0o600)

    const watching = network()
    const second = await agentAt(home, { fetch: watching.fetch })
    const result = await second.enroll(enrollment)
    expect(result).toMatchObject({
      continued: true,
      serial: committed?.certificate?.serial,
      fingerprint: committed?.certificate?.fingerprint,
    })
    const sent = [...lossy.requests, ...watching.requests].filter((request) => request.path === PATHS.enroll)
    expect(new Set(sent.map((request) => request.body)).size).toBe(1)
    expect(await readdir(home)).not.toContain('enrollment.pending')
    expect(await second.verify(await second.sign(LETTER(issued.address)))).toMatchObject({ exitCode: 0 })
  })

  it('is on disk, without a secret in the clear, before the first byte is sent', async () => {
    const issued = await newMailbox()
    const home = await newHome()
    let pending = ''
    const fetcher: Fetch = async (input, init) => {
      if (new URL(String(input)).pathname !== PATHS.enroll) return fetch(input, init)
      pending = await readFile(join(home, 'enrollment.pending'), 'latin1')
      throw new TypeError('fetch failed')
    }
    const agent = await agentAt(home, { fetch: fetcher })
    await expect(agent.enroll({ temporaryKey: issued.temporaryKey, server: organization.url })).rejects.toMatchObject({
      code: 'server-unreachable',
    })
    expect(pending).toMatch(/^-----BEGIN PGP MESSAGE-----/)
    const { pskId } = secretsOf(issued.temporaryKey)
    for (const secret of [issued.temporaryKey, toBase64url(pskId), 'replyKey']) expect(pending).not.toContain(secret)
  })

  it.each([
    [1, 'it is written down'],
    [2, 'the revocation list is written'],
    [3, 'the key file is written'],
  ])('and killed while (%i) %s goes on with the same command', async (file) => {
    const issued = await newMailbox()
    const home = await newHome()
    const [key, password] = [`${home}.key`, `${home}.password`]
    await writeFile(key, issued.temporaryKey)
    await writeFile(password, PASSWORD)
    const args = ['enroll', '--server', organization.url, '--temporary-key-file', key, '--password-file', password]
    const run = (...options: string[]) =>
      runNode([...options, programFile('mailseal'), ...args, '--json'], {
        env: { MAILSEAL_HOME: home, MAILSEAL_TEST_DIE_WRITING: String(file) },
      })
    const killed = await run('--import', fileURLToPath(new URL('support/die-writing.ts', import.meta.url)))
    expect(killed).toMatchObject({ exitCode: null, stdout: '' })
    const again = await run()
    expect(again.exitCode).toBe(0)
    const { mailboxes } = await task('mailboxes.list', { addresses: [issued.address] })
    expect(JSON.parse(again.stdout).serial).toBe(mailboxes[0]?.certificate?.serial)
  })

  it('and is complete but for its file is finished without the reply, which is gone by then', async () => {
    const issued = await newMailbox()
    const home = await newHome()
    const file = join(home, 'enrollment.pending')
    let pending = new Uint8Array()
    const fetcher: Fetch = async (input, init) => {
      if (new URL(String(input)).pathname === PATHS.enroll) pending = await readFile(file)
      return fetch(input, init)
    }
    const enrollment = { temporaryKey: issued.temporaryKey, server: organization.url }
    const agent = await agentAt(home, { fetch: fetcher })
    const first = await agent.enroll(enrollment)
    expect(first.warnings).toEqual([])
    await writeFile(file, pending, { mode: 0o600 })
    const again = await agent.enroll(enrollment)
    expect(again).toMatchObject({ serial: first.serial, continued: true, warnings: [] })
    expect(await readdir(home)).not.toContain('enrollment.pending')
    await expect(agent.enroll(enrollment)).rejects.toMatchObject({
      code: 'temporary-key-used',
      hint: `this computer is enrolled as ${issued.address}, with the key file "${first.keyFile}"; if it was with this temporary key, all is done: see mailseal status; if not, tell your administrator at once`,
    })
  })

  it('by another process at the same moment is left to it', async () => {
    const issued = await newMailbox()
    const home = await newHome()
    const bothHaveTheOffer = Promise.withResolvers<void>()
    const oneIsRefused = Promise.withResolvers<void>()
    let asked = 0
    const options: Partial<AgentOptions> = {
      password: async () => {
        asked += 1
        if (asked === 2) bothHaveTheOffer.resolve()
        await bothHaveTheOffer.promise
        return PASSWORD
      },
      fetch: async (input, init) => {
        if (new URL(String(input)).pathname === PATHS.enroll) await oneIsRefused.promise
        return fetch(input, init)
      },
    }
    const agents = [await agentAt(home, options), await agentAt(home, options)]
    const outcomes = await Promise.allSettled(
      agents.map(async (agent) => {
        try {
          return await agent.enroll({ temporaryKey: issued.temporaryKey, server: organization.url })
        } finally {
          oneIsRefused.resolve()
        }
      }),
    )
    expect(outcomes.map((outcome) => outcome.status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(outcomes.find((outcome) => outcome.status === 'rejected')?.reason).toMatchObject({
      code: 'busy',
      message: 'another mailseal has begun an enrollment here meanwhile',
    })
  })

  it('goes on with the KM server at another address', async () => {
    const issued = await newMailbox()
    const home = await newHome()
    const { fetch: lossy } = network({ path: PATHS.enroll, answer: drop })
    const { temporaryKey } = issued
    const first = await agentAt(home, { fetch: lossy })
    await expect(first.enroll({ temporaryKey, server: organization.url })).rejects.toMatchObject({ exitCode: 107 })
    const moved = organization.url.replace('127.0.0.1', 'localhost')
    const fetcher: Fetch = async (input, init) => {
      if (!String(input).startsWith(moved)) throw new TypeError('fetch failed')
      return fetch(String(input).replace(moved, organization.url), init)
    }
    const second = await agentAt(home, { fetch: fetcher })
    expect(await second.enroll({ temporaryKey, server: moved })).toMatchObject({ server: moved, continued: true })
  })

  it('opens with its password alone', async () => {
    const issued = await newMailbox()
    const home = await newHome()
    const enrollment = { temporaryKey: issued.temporaryKey, server: organization.url }
    const { fetch: lossy } = network({ path: PATHS.enroll, answer: drop })
    await expect((await agentAt(home, { fetch: lossy })).enroll(enrollment)).rejects.toMatchObject({ exitCode: 107 })
    const purposes: string[] = []
    const forgetful = await agentAt(home, {
      password: async ({ purpose }) => {
        purposes.push(purpose)
        return 'wrong horse'
      },
    })
    await expect(forgetful.enroll(enrollment)).rejects.toMatchObject({ code: 'password-wrong', exitCode: 105 })
    expect(purposes).toEqual(['continue'])
    expect(await readdir(home)).toContain('enrollment.pending')
  })

  it('whose temporary key was replaced gives way to the new one, and is kept aside', async () => {
    const issued = await newMailbox()
    const home = await newHome()
    const silent: Fetch = async (input, init) => {
      if (new URL(String(input)).pathname === PATHS.enroll) throw new TypeError('fetch failed')
      return fetch(input, init)
    }
    const first = await agentAt(home, { fetch: silent })
    const enrollment = { temporaryKey: issued.temporaryKey, server: organization.url }
    await expect(first.enroll(enrollment)).rejects.toMatchObject({ code: 'server-unreachable' })
    const again = await reissue(issued.address)
    await expect((await agentAt(home)).enroll(enrollment)).rejects.toMatchObject({ code: 'temporary-key-replaced' })
    expect(await readdir(home)).toContain('enrollment.pending')
    const result = await (await agentAt(home)).enroll({ temporaryKey: again.temporaryKey, server: organization.url })
    expect(result).toMatchObject({
      address: issued.address,
      continued: false,
      keptAside: [join(home, 'enrollment.pending.old')],
    })
    expect(await readdir(home)).toContain('enrollment.pending.old')
    expect(await readdir(home)).not.toContain('enrollment.pending')
  })

  it('is not given up for another key while the server does not answer', async () => {
    const [issued, other] = [await newMailbox(), await newMailbox()]
    const home = await newHome()
    const { fetch: lossy } = network({ path: PATHS.enroll, answer: drop })
    const agent = await agentAt(home, { fetch: lossy })
    await expect(agent.enroll({ temporaryKey: issued.temporaryKey, server: organization.url })).rejects.toMatchObject({
      code: 'server-unreachable',
    })
    await expect(agent.enroll({ temporaryKey: other.temporaryKey, server: organization.url })).rejects.toMatchObject({
      code: 'server-unreachable',
      message: expect.stringMatching(
        new RegExp(`^the enrollment of ${issued.address}, begun on .* with another temporary key, is not finished: `),
      ),
    })
    expect(await readdir(home)).toContain('enrollment.pending')
  })
})

describe('a temporary key', () => {
  it('enrolls one of two agents that race; the other is told that it was used', async () => {
    const issued = await newMailbox()
    const enrollment = { temporaryKey: issued.temporaryKey, invitation: invitationOf(issued) }
    const agents = [await newAgent(), await newAgent()]
    const outcomes = await Promise.allSettled(agents.map(({ agent }) => agent.enroll(enrollment)))
    const won = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
    const lost = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []))
    expect(won).toHaveLength(1)
    expect(lost).toMatchObject([{ code: 'temporary-key-used', exitCode: 106 }])
    const { mailboxes } = await task('mailboxes.list', { addresses: [issued.address] })
    expect(mailboxes[0]?.certificate?.serial).toBe(won[0]?.serial)
  })

  it('that nobody issued gets no answer that helps', async () => {
    const { agent } = await newAgent()
    const temporaryKey = generateTemporaryKey(systemRandom)
    await expect(agent.enroll({ temporaryKey, server: organization.url })).rejects.toMatchObject({
      code: 'temporary-key-unknown',
      exitCode: 106,
    })
  })
})

describe('enrolling again', () => {
  it('takes the old secrets over, under the same password', async () => {
    const issued = await newMailbox()
    const { agent, home } = await newAgent()
    const first = await agent.enroll({ temporaryKey: issued.temporaryKey, server: organization.url })
    const other = await newMailbox()
    const second = await agent.enroll({ temporaryKey: other.temporaryKey, server: organization.url })
    expect(second.keptAside).toEqual([])
    expect((await agent.keyFile.info()).keys.map((key) => key.serial)).toEqual([second.serial, first.serial])
    expect((await readdir(home)).sort()).toContain('mailseal.keyfile.previous')
    expect((await agent.status()).address).toBe(other.address)
  })

  it('with another password keeps the key file that it does not open', async () => {
    const [issued, other] = [await newMailbox(), await newMailbox()]
    const home = await newHome()
    await (await agentAt(home)).enroll({ temporaryKey: issued.temporaryKey, server: organization.url })
    const before = await readFile(join(home, 'mailseal.keyfile'))
    const agent = await agentAt(home, { password: async () => 'another password' })
    const result = await agent.enroll({ temporaryKey: other.temporaryKey, server: organization.url })
    expect(result.keptAside).toEqual([join(home, 'mailseal.keyfile.old')])
    expect(equalBytes(await readFile(join(home, 'mailseal.keyfile.old')), before)).toBe(true)
    expect((await agent.keyFile.info()).keys).toHaveLength(1)
  })

  it('needs a password of eight characters', async () => {
    const { agent, home } = await newAgent({ password: async () => '1234567' })
    const { temporaryKey } = await newMailbox()
    await expect(agent.enroll({ temporaryKey, server: organization.url })).rejects.toMatchObject({
      code: 'usage',
      message: 'the password has fewer than 8 characters',
    })
    expect(await readdir(home)).not.toContain('enrollment.pending')
  })
})

describe('between colleagues', () => {
  it('a letter is good, then revoked, with and without the server; without a list nothing is trusted', async () => {
    const [aliceKey, bobKey] = [await newMailbox(), await newMailbox()]
    const { agent: alice } = await newAgent()
    const { agent: bob, home } = await newAgent()
    await alice.enroll({ temporaryKey: aliceKey.temporaryKey, invitation: invitationOf(aliceKey) })
    await bob.enroll({ temporaryKey: bobKey.temporaryKey, invitation: invitationOf(bobKey) })
    const signed = await alice.sign(LETTER(aliceKey.address))
    expect(await bob.verify(signed)).toMatchObject({
      exitCode: 0,
      summary: 'verified',
      signature: { status: 'good', signer: `${aliceKey.name} <${aliceKey.address}>` },
      revocation: { state: 'fresh' },
    })

    await task('revoke', { addresses: [aliceKey.address], reason: 'compromised' })
    const revoked = { exitCode: 100, signature: { status: 'revoked', reason: 'compromised' } }
    expect(await bob.verify(signed)).toMatchObject(revoked)
    const offline = await agentAt(home, { fetch: () => Promise.reject(new TypeError('fetch failed')) })
    expect(await offline.verify(signed)).toMatchObject(revoked)

    await alice.verify(signed)
    await expect(alice.sign(LETTER(aliceKey.address))).rejects.toMatchObject({
      code: 'certificate-revoked',
      exitCode: 100,
    })
  })

  it('a second computer signs with a copy of the key file, without the server', async () => {
    const issued = await newMailbox()
    const { agent, home } = await newAgent()
    const first = await agent.enroll({ temporaryKey: issued.temporaryKey, server: organization.url })
    const copy = join(home, 'copy.keyfile')
    await agent.keyFile.copy(copy)
    const { agent: second } = await newAgent({ fetch: () => Promise.reject(new TypeError('fetch failed')) })
    expect(await second.keyFile.use(copy)).toMatchObject({ serial: first.serial })
    const signed = await second.sign(LETTER(issued.address))
    expect(await agent.verify(signed)).toMatchObject({ exitCode: 0, signature: { serial: first.serial } })
  })

  it('sync brings the whole directory, and the next sync transfers no list', async () => {
    const issued = await newMailbox()
    const { agent } = await newAgent()
    await agent.enroll({ temporaryKey: issued.temporaryKey, server: organization.url })
    const { mailboxes } = await task('mailboxes.list', { status: 'Active' })
    const first = await agent.sync()
    expect(first.certificates).toBe(mailboxes.length)
    expect((await agent.sync()).crl).toEqual({ ...first.crl, bytes: 0 })
    expect((await agent.report()).serverCrlNumber).toBe(first.crl.number)
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
