import { cp, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemRandom } from '@mailseal/common'
import { createAuthorityDocuments } from '../../packages/server/src/authority-documents.ts'
import { createRequestListener } from '../../packages/server/src/http/app.ts'
import { asTrustedProxies } from '../../packages/server/src/http/transport.ts'
import { initialize } from '../../packages/server/src/initialize.ts'
import { openOutbox } from '../../packages/server/src/mail/outbox.ts'
import { openListPublisher } from '../../packages/server/src/revocation-list.ts'
import { unlock } from '../../packages/server/src/start-up/index.ts'
import { databasePath, openSqliteStore } from '../../packages/server/src/store/sqlite/index.ts'
import type { Store } from '../../packages/server/src/store/store.ts'
import type { TaskContext } from '../../packages/server/src/tasks/context.ts'
import { createEnroll } from '../../packages/server/src/tasks/enroll.ts'
import { sweep } from '../../packages/server/src/tasks/sweep.ts'
import { CHEAP_ARGON2 } from '../../packages/server/test/cheap-argon2.ts'

/** 2026-09-21T14:13:20Z: when every life begins. */
export const START = 1_790_000_000
export const ADMINISTRATOR = { administrator: 'admin', password: 'a password for tests alone' }
export const STARTUP_SECRET = 'a start-up secret for tests alone'

/** A KM server of the real parts, over real files and HTTP, with a clock of its own. */
export interface KmServer {
  readonly clock: { at: number; now(): number }
  readonly url: string
  /** Its database, to look at. */
  readonly store: Store
  /** Whatever it logged: internal errors, and nothing else. */
  readonly logged: readonly string[]
  /** What its hourly timer does. */
  publish(): Promise<unknown>
  /** Stops, and starts over the same data. */
  restart(): Promise<void>
  end(): Promise<void>
}

/** Data of a fresh organization, to be copied for each life. */
export async function makeTemplate(): Promise<{ folder: string; end(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'mailseal-life-'))
  await initialize({
    dataFolder: join(folder, 'server'),
    organization: 'Example Organization',
    domains: ['example.org'],
    administrator: { name: ADMINISTRATOR.administrator, password: ADMINISTRATOR.password },
    startupSecret: async () => STARTUP_SECRET,
    clock: { now: () => START },
    argon2: CHEAP_ARGON2,
  })
  return { folder, end: () => rm(folder, { recursive: true, force: true }) }
}

/** Starts a KM server over a copy of the template, or over the template itself. */
export async function startKmServer(template: string, { copy = true } = {}): Promise<KmServer & { folder: string }> {
  const folder = copy ? await mkdtemp(join(tmpdir(), 'mailseal-life-')) : template
  if (copy) await cp(template, folder, { recursive: true })
  const clock = { at: START, now: () => clock.at }
  const logged: string[] = []
  const node = createServer()
  await new Promise<void>((resolve) => node.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(node.address() as AddressInfo).port}`

  const start = async () => {
    const dataFolder = join(folder, 'server')
    const log = (line: string) => void logged.push(line)
    const store = await openSqliteStore(databasePath(dataFolder), { clock })
    const unlocked = await unlock(store, STARTUP_SECRET)
    const documents = createAuthorityDocuments()
    const lists = await openListPublisher({ store, unlocked, documents, clock, pace: 0 })
    const outbox = await openOutbox({ store, dataFolder, random: systemRandom, log })
    const context = { store, unlocked, documents, lists, outbox, clock, random: systemRandom }
    const tasks: TaskContext = { ...context, serverUrl: url }
    await sweep(tasks)
    const transport = { publicUrl: new URL(url), trustedProxies: asTrustedProxies([]) }
    node.removeAllListeners('request')
    node.on('request', createRequestListener({ tasks, enroll: createEnroll(tasks), transport, log }))
    return tasks
  }

  let running = await start()
  return {
    folder,
    clock,
    url,
    logged,
    get store() {
      return running.store
    },
    publish: () => running.lists.publish(),
    async restart() {
      await running.store.close()
      running = await start()
    },
    async end() {
      node.closeAllConnections()
      await new Promise((resolve) => node.close(resolve))
      await running.store.close()
      if (copy) await rm(folder, { recursive: true, force: true })
    },
  }
}
