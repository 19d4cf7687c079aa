import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { AgentOptions } from '@mailseal/agent'
import { toBase64url } from '@mailseal/common'
import { type Fetch, PATHS } from '@mailseal/common/rpc'
import { describe, expect, it } from 'vitest'
import {
  agentAt,
  drop,
  invitationOf,
  LETTER,
  network,
  newHome,
  newMailbox,
  organization,
  PASSWORD,
  reissue,
  runNode,
  secretsOf,
  task,
  useOrganization,
} from '../support/enrolling.ts'
import { programFile } from '../support/run.ts'

useOrganization({ mailboxes: 20 })

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
    const killed = await run('--import', fileURLToPath(new URL('../support/die-writing.ts', import.meta.url)))
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
