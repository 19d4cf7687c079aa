import { type Clock, MailsealError, type Random, systemClock, systemRandom } from '@mailseal/common'
import { asServerUrl } from '@mailseal/common/rpc'
import { createAuthorityDocuments } from './authority-documents.ts'
import { createRequestListener } from './http/app.ts'
import {
  asListenAddress,
  closeServer,
  createNodeServer,
  isEveryAddress,
  type ListenAddress,
  listenAt,
  type TlsFiles,
} from './http/listener.ts'
import { asTrustedProxies } from './http/transport.ts'
import type { Log } from './log.ts'
import { openOutbox } from './mail/outbox.ts'
import { openListPublisher } from './revocation-list.ts'
import { startSchedule } from './schedule.ts'
import { unlock } from './start-up/index.ts'
import { databasePath, openSqliteStore } from './store/sqlite/index.ts'
import type { Store } from './store/store.ts'
import type { TaskContext } from './tasks/context.ts'
import { publishOwedEnds } from './tasks/end-of-use.ts'
import { createEnroll } from './tasks/enroll.ts'
import { sweep } from './tasks/sweep.ts'

export interface ServerOptions {
  readonly dataFolder: string
  readonly startupSecret: string
  /** `HOST:PORT`; port 0 takes a free one. */
  readonly listen: string
  /** Where people reach the server, if not where it listens. */
  readonly publicUrl?: string | undefined
  /** IP addresses of proxies that speak https for this server. */
  readonly trustedProxies?: readonly string[]
  readonly tls?: TlsFiles | undefined
  readonly log: Log
  readonly clock?: Clock
  readonly random?: Random
}

/** A KM server that answers. */
export interface RunningServer {
  /** Where it listens. */
  readonly url: string
  /** Lets requests under way finish, then closes everything. Stopping twice is stopping once. */
  stop(): Promise<void>
}

/**
 * Starts a KM server over an initialized data folder.
 *
 * @throws {@link MailsealError} `not-found` if it is not initialized, `password-wrong` for the start-up secret, `usage`
 *   for an address that can't be listened at.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { dataFolder, tls, log, clock = systemClock } = options
  const listen = asListenAddress(options.listen)
  const publicUrl = publicUrlOf(options.publicUrl, listen)
  const trustedProxies = asTrustedProxies(options.trustedProxies ?? [])
  const node = createNodeServer(tls)
  const store = await openSqliteStore(databasePath(dataFolder), { clock })
  try {
    const context = await openContext(store, options)
    await publishOwedEnds(context)
    await sweep(context)
    const url = await listenAt(node, listen, tls === undefined ? 'http' : 'https')
    const tasks: TaskContext = { ...context, serverUrl: publicUrl === null ? url : withoutSlash(publicUrl) }
    const transport = { publicUrl: publicUrl ?? new URL(url), trustedProxies }
    node.on('request', createRequestListener({ tasks, enroll: createEnroll(tasks), transport, log }))
    const schedule = startSchedule(tasks, log)
    let stopped: Promise<void> | null = null
    const stop = async () => {
      await schedule.stop()
      await closeServer(node)
      await store.close()
    }
    return {
      url,
      stop() {
        stopped ??= stop()
        return stopped
      },
    }
  } catch (thrown) {
    await store.close()
    throw thrown
  }
}

/** @returns null where people reach the server at the address at which it listens. */
function publicUrlOf(text: string | undefined, listen: ListenAddress): URL | null {
  if (text !== undefined) return asServerUrl(text)
  if (!isEveryAddress(listen)) return null
  throw new MailsealError('usage', 'the address that users reach the server at is not known', {
    hint: 'listening at every address needs it: --public-url https://mailseal.example.org',
  })
}

/** As {@link asServerUrl} reads it again, in the form in which offers name the server. */
function withoutSlash(url: URL): string {
  return url.href.replace(/\/$/, '')
}

async function openContext(store: Store, options: ServerOptions): Promise<Omit<TaskContext, 'serverUrl'>> {
  const { dataFolder, startupSecret, log, clock = systemClock, random = systemRandom } = options
  const unlocked = await unlock(store, startupSecret, { random })
  const documents = createAuthorityDocuments()
  const lists = await openListPublisher({ store, unlocked, documents, clock })
  const outbox = await openOutbox({ store, dataFolder, random, log })
  return { store, unlocked, documents, lists, outbox, clock, random }
}
