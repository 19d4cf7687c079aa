import { LIMITS, toBase64url } from '@mailseal/common'
import { enrollRequestSchema, offerRequestSchema, PATHS } from '@mailseal/common/rpc'
import { validate } from '@mailseal/common/schema'
import { showOffer } from '../tasks/offer.ts'
import { readJson } from './body.ts'
import type { App, HttpContext } from './context.ts'

/** JSON around the largest request, in base64url. */
const BODY_LIMIT = 2 * LIMITS.enrollmentRequest

/** Enrollment: sealed end to end under the temporary key, so that it takes any connection. */
export function enrollmentRoutes(app: App, context: HttpContext): void {
  app.post(PATHS.offer, async (c) => {
    const request = validate(offerRequestSchema, await readJson(c, context, BODY_LIMIT), 'the request')
    const { offer, mac, authority, time, timeMac } = await showOffer(context.tasks, request)
    return c.json({
      offer: toBase64url(offer),
      mac: toBase64url(mac),
      authority: toBase64url(authority),
      time,
      timeMac: toBase64url(timeMac),
    })
  })

  app.post(PATHS.enroll, async (c) => {
    const { request } = validate(enrollRequestSchema, await readJson(c, context, BODY_LIMIT), 'the request')
    return c.json({ reply: toBase64url(await context.enroll(request)) })
  })
}
