import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SPANS } from '@mailseal/common'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeTemplate, startKmServer } from '../life/km-server.ts'
import type { Step } from './agent-child.ts'
import {
  administratorOf,
  agentAt,
  assertWhole,
  enrollHere,
  issueOne,
  letterTo,
  newHome,
  PASSWORD,
  runStep,
} from './agents.ts'

/** Far more moments than any step has. */
const MOST = 200
/** More than renewing has. */
const RENEWALS = 24
const AT_ONCE = 2

let template: Awaited<ReturnType<typeof makeTemplate>>
let server: Awaited<ReturnType<typeof startKmServer>>

beforeAll(async () => {
  template = await makeTemplate()
  server = await startKmServer(template.folder)
})

afterAll(async () => {
  await server?.end()
  await template?.end()
})

/** What a computer is about to do, and what it must hold afterwards. */
interface Scene {
  readonly address: string
  readonly home: string
  readonly step: Omit<Step, 'home' | 'password' | 'now'>
  readonly letters: readonly Uint8Array[]
}

async function newMailbox(address: string) {
  const administrator = administratorOf(server)
  await administrator.mailboxes.add({ address })
  return { administrator, issued: await issueOne(administrator.enable([address])) }
}

const enrolling = ({ address, temporaryKey }: { address: string; temporaryKey: string }) => ({
  enrollment: { temporaryKey, address, server: server.url },
})

async function firstEnrollment(address: string): Promise<Scene> {
  const { issued } = await newMailbox(address)
  return { address, home: await newHome(server), step: enrolling(issued), letters: [] }
}

async function enrolled(address: string) {
  const { issued, administrator } = await newMailbox(address)
  const home = await newHome(server)
  const { fingerprint } = await enrollHere(server, home, issued)
  return { administrator, home, letters: [await letterTo(server, fingerprint)] }
}

async function recovery(address: string): Promise<Scene> {
  const { administrator, letters, home } = await enrolled(address)
  await rm(home, { recursive: true })
  const issued = await issueOne(administrator.recover([address]))
  return { address, home, step: enrolling(issued), letters }
}

async function recoveryOverKeyFile(address: string): Promise<Scene> {
  const { administrator, letters, home } = await enrolled(address)
  return { address, home, step: enrolling(await issueOne(administrator.recover([address]))), letters }
}

async function recoveryOverUnreadable(address: string): Promise<Scene> {
  const scene = await recoveryOverKeyFile(address)
  await writeFile(join(scene.home, 'mailseal.keyfile'), 'what a broken disk left of it')
  return scene
}

describe('an agent that is killed at any moment finishes with one certificate and all secrets', () => {
  it.each([
    ['enrolling', firstEnrollment],
    ['recovering', recovery],
    ['recovering over the old key file', recoveryOverKeyFile],
    ['recovering over an unreadable key file', recoveryOverUnreadable],
  ])('%s', async (name, prepare) => {
    const survived = await untilSurvived(async (moment) =>
      survives(await prepare(`${name.replaceAll(' ', '.')}.${moment}@example.org`), moment),
    )
    expect(survived).toBeGreaterThan(20)
  })

  it('renewing', async () => {
    // All enroll before the clock moves: no computer takes a list from the future, nor an older one after it.
    const scenes: Scene[] = []
    for (let number = 1; number <= RENEWALS; number++)
      scenes.push(await firstEnrolled(`renewing.${number}@example.org`))
    server.clock.at += 400 * SPANS.day
    await server.publish()
    const survived = await untilSurvived(async (moment) => survives(scenes[moment - 1] as Scene, moment))
    expect(survived).toBeGreaterThan(4)
  })
})

async function firstEnrolled(address: string): Promise<Scene> {
  const { home, letters } = await enrolled(address)
  return { address, home, step: {}, letters }
}

/** @returns Whether the step was over before the moment. */
async function survives(scene: Scene, moment: number): Promise<boolean> {
  const step: Step = { ...scene.step, home: scene.home, password: PASSWORD, now: server.clock.at }
  const { exitCode, stderr } = await runStep(step, moment)
  const wasKilled = exitCode === null
  if (wasKilled) await finish(step)
  else expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  await assertWhole(server, scene)
  expect(server.logged).toEqual([])
  return !wasKilled
}

/** The same again; where all was done but the report, the user hears that the temporary key was used here. */
async function finish({ home, enrollment }: Step): Promise<void> {
  const agent = await agentAt(home, server)
  try {
    await (enrollment === undefined ? agent.renew() : agent.enroll(enrollment))
  } catch (error) {
    expect(error).toMatchObject({ code: 'temporary-key-used', hint: expect.stringContaining('all is done') })
  } finally {
    agent.close()
  }
}

/**
 * Tries moment after moment, a few at a time.
 *
 * @returns The first moment that comes after the step's end.
 */
async function untilSurvived(attempt: (moment: number) => Promise<boolean>): Promise<number> {
  for (let next = 1; next < MOST; next += AT_ONCE) {
    const moments = Array.from({ length: AT_ONCE }, (_, i) => next + i)
    const survived = await Promise.all(moments.map(attempt))
    if (survived.includes(true)) return next + survived.indexOf(true)
  }
  throw new RangeError('the step never ends')
}
