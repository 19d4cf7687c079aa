import { LIMITS } from '@mailseal/common'
import { PATHS, signedRequestSchema } from '@mailseal/common/rpc'
import { validate } from '@mailseal/common/schema'
import { takeUserRequest } from '../tasks/user-requests.ts'
import { readJson } from './body.ts'
import type { App, HttpContext } from './context.ts'

/** Users' requests, each signed by its user's key. */
export function signedRequestRoutes(app: App, context: HttpContext): void {
  app.post(PATHS.requests, async (c) => {
    const body = await readJson(c, context, 2 * (LIMITS.signedRequest + LIMITS.signature))
    const signed = validate(signedRequestSchema, body, 'the request')
    return c.json(await takeUserRequest(context.tasks, signed))
  })
}
