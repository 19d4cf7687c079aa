import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { SPANS } from '@mailseal/common'
import { expect, it, onTestFinished } from 'vitest'
import { type KmServer, makeTemplate, STARTUP_SECRET, startKmServer } from '../life/km-server.ts'
import {
  administratorOf,
  agentAt,
  assertWhole,
  COMPILE_CACHE,
  dieAt,
  enrollHere,
  issueOne,
  letterTo,
  newHome,
  SERVER_CHILD,
} from './agents.ts'

/** More than the server has while an agent enrolls, recovers or renews. */
const MOST = 40

/** What a computer is about to do, and what it must hold afterwards. */
interface Scene {
  readonly address: string
  readonly home: string
  readonly letters: readonly Uint8Array[]
  readonly enrollment?: { readonly temporaryKey: string; readonly address: string; readonly server: string }
}

type Prepare = (server: KmServer & { folder: string }, address: string) => Promise<Scene>

async function firstEnrollment(server: KmServer & { folder: string }, address: string): Promise<Scene> {
  const administrator = administratorOf(server)
  await administrator.mailboxes.add({ address })
  const { temporaryKey } = await issueOne(administrator.enable([address]))
  return {
    address,
    home: await newHome(server),
    letters: [],
    enrollment: { temporaryKey, address, server: server.url },
  }
}

async function enrolled(server: KmServer & { folder: string }, address: string): Promise<Scene> {
  const { home, enrollment } = await firstEnrollment(server, address)
  const { fingerprint } = await enrollHere(server, home, enrollment as never)
  return { address, home, letters: [await letterTo(server, fingerprint)] }
}

async function recovery(server: KmServer & { folder: string }, address: string): Promise<Scene> {
  const { letters } = await enrolled(server, address)
  const { temporaryKey } = await issueOne(administratorOf(server).recover([address]))
  const home = await newHome(server)
  return { address, home, letters, enrollment: { temporaryKey, address, server: server.url } }
}

/** A KM server in a process of its own. */
interface Child {
  readonly process: ChildProcess
  said(words: string): Promise<void>
  /** @returns Whether it was dead already. */
  kill(): Promise<boolean>
}

function startChild(args: readonly string[], { dying }: { dying?: number }): Child {
  const { args: nodeArgs, env } = dying === undefined ? { args: [], env: {} } : dieAt(dying, { onSignal: true })
  const child = spawn(process.execPath, [...nodeArgs, SERVER_CHILD, ...args], {
    env: { ...process.env, ...env, NODE_COMPILE_CACHE: COMPILE_CACHE },
    stdio: ['ignore', 'inherit', 'pipe'],
  })
  const ended = once(child, 'close')
  let output = ''
  const waiting = new Set<() => void>()
  child.stderr.on('data', (chunk: Buffer) => {
    output += chunk
    for (const look of waiting) look()
  })
  return {
    process: child,
    said: (words) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (output.includes(words)) resolve()
        }
        waiting.add(look)
        ended.then(() => reject(new Error(`the KM server ended before it said "${words}":\n${output}`)))
        look()
      }),
    async kill() {
      child.kill('SIGKILL')
      await ended
      return output.includes('killed')
    },
  }
}

it.each<[string, Prepare, number]>([
  ['an enrollment', firstEnrollment, 0],
  ['a recovery', recovery, 0],
  ['a renewal', enrolled, 400 * SPANS.day],
])('a KM server that is killed at any moment of %s gives one certificate', async (_, prepare, later) => {
  const template = await makeTemplate()
  onTestFinished(() => template.end())
  const preparing = await startKmServer(template.folder, { copy: false })
  const scenes: Scene[] = []
  for (let number = 1; number <= MOST; number++) scenes.push(await prepare(preparing, `user.${number}@example.org`))
  await preparing.end()

  const clock = { at: preparing.clock.at + later }
  const server = { url: preparing.url, folder: template.folder, clock }
  const args = [join(template.folder, 'server'), STARTUP_SECRET, new URL(server.url).host, String(clock.at)]
  const start = async (dying?: number) => {
    const child = startChild(args, dying === undefined ? {} : { dying })
    onTestFinished(async () => void (await child.kill()))
    await child.said('listening on')
    return child
  }
  const step = async ({ home, enrollment }: Scene) => {
    const agent = await agentAt(home, server)
    try {
      await (enrollment === undefined ? agent.renew() : agent.enroll(enrollment))
    } finally {
      agent.close()
    }
  }

  for (const [i, scene] of scenes.entries()) {
    const dying = await start(i + 1)
    dying.process.kill('SIGUSR2')
    await dying.said('counting')
    const failed = await step(scene).then(
      () => false,
      (error) => {
        expect(error).toMatchObject({ code: 'server-unreachable' })
        return true
      },
    )
    const wasKilled = await dying.kill()
    const healthy = await start()
    if (failed) await step(scene)
    await assertWhole(server, scene)
    await healthy.kill()
    if (!wasKilled) {
      expect(i).toBeGreaterThan(1)
      return
    }
  }
  throw new RangeError('the step never ends')
})
