import { getRequestListener } from '@hono/node-server'
import { VERSION } from '@mailseal/common'
import { PATHS } from '@mailseal/common/rpc'
import { Hono } from 'hono'
import type { HttpContext, HttpEnv } from './context.ts'
import { directoryRoutes } from './directory.ts'
import { enrollmentRoutes } from './enrollment.ts'
import { enrollmentMessageRoutes } from './enrollment-messages.ts'
import { answerError, answerNotFound } from './errors.ts'
import { publishedRoutes } from './published.ts'
import { signedRequestRoutes } from './signed-requests.ts'
import { taskRoutes } from './tasks.ts'

/** Nothing here is a page: no program may run, frame or sniff an answer. */
const HEADERS = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
} as const

/** The KM server's HTTP interface, as Node's HTTP servers take it; each file of this folder adds its routes. */
export function createRequestListener(context: HttpContext): ReturnType<typeof getRequestListener> {
  const app = new Hono<HttpEnv>()
  app.use(async (c, next) => {
    await next()
    for (const [name, value] of Object.entries(HEADERS)) c.header(name, value)
    // What was published sets its own.
    if (!c.res.headers.has('cache-control')) c.header('cache-control', 'no-store')
  })
  app.get(PATHS.about, (c) => c.json({ name: 'mailseal-server', version: VERSION }))
  publishedRoutes(app, context)
  directoryRoutes(app, context)
  enrollmentRoutes(app, context)
  signedRequestRoutes(app, context)
  taskRoutes(app, context)
  enrollmentMessageRoutes(app, context)
  app.notFound(answerNotFound)
  app.onError(answerError(context.log))
  return getRequestListener(app.fetch)
}
