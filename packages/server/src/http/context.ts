import type { HttpBindings } from '@hono/node-server'
import type { Context, Hono } from 'hono'
import type { Log } from '../log.ts'
import type { TaskContext } from '../tasks/context.ts'
import type { Enroll } from '../tasks/enroll.ts'
import type { TransportRules } from './transport.ts'

/** What the routes hand to the tasks, and by which rules they let requests in. */
export interface HttpContext {
  readonly tasks: TaskContext
  readonly enroll: Enroll
  readonly transport: TransportRules
  readonly log: Log
}

/** Node's own request is needed for the peer's address. */
export interface HttpEnv {
  Bindings: HttpBindings
}

export type App = Hono<HttpEnv>
export type HttpRequest = Context<HttpEnv>
