import { LIMITS } from '@mailseal/common'
import { PATHS, sendMessageSchema } from '@mailseal/common/rpc'
import { validate } from '@mailseal/common/schema'
import { sendEnrollmentMessage } from '../tasks/send-message.ts'
import { readJson } from './body.ts'
import type { App, HttpContext } from './context.ts'
import { assertConfidential } from './transport.ts'

/** Enrollment messages that administrators' clients composed; each may hold a temporary key. */
export function enrollmentMessageRoutes(app: App, context: HttpContext): void {
  app.post(PATHS.enrollmentMessages, async (c) => {
    assertConfidential(c.env.incoming, context.transport)
    const body = await readJson(c, context, 2 * LIMITS.enrollmentMessage)
    const content = validate(sendMessageSchema, body, 'the request')
    return c.json({ delivery: await sendEnrollmentMessage(context.tasks, content) })
  })
}
