import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { type ErrorCode, MailsealError } from '@mailseal/common'
import type { ErrorHandler, NotFoundHandler } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { Log } from '../log.ts'
import type { HttpEnv } from './context.ts'

/** Failures at the KM server's own files: they name paths of its machine. */
const OWN_FILES: ReadonlySet<ErrorCode> = new Set(['unreadable-file', 'unwritable-file'])

/**
 * The one place where errors become answers: ours as they are, any other as `internal-error` with an id, under which
 * the log has the details.
 */
export function answerError(log: Log): ErrorHandler<HttpEnv> {
  return (thrown, c) => {
    const isForCaller = thrown instanceof MailsealError && !OWN_FILES.has(thrown.code)
    const error = isForCaller ? thrown : strangersError(thrown, log)
    return answer(c, error)
  }
}

export const answerNotFound: NotFoundHandler<HttpEnv> = (c) =>
  answer(c, new MailsealError('not-found', 'there is nothing at this path', { hint: 'is the server the right one?' }))

function answer(c: Parameters<NotFoundHandler<HttpEnv>>[0], error: MailsealError): Response {
  return c.json({ error: error.toJSON() }, error.httpStatus as ContentfulStatusCode)
}

function strangersError(thrown: unknown, log: Log): MailsealError {
  const id = randomBytes(6).toString('hex')
  log(`internal error ${id}: ${inspect(thrown)}`)
  return new MailsealError('internal-error', 'something went wrong inside the KM server', {
    hint: `try again; if it stays, look for "internal error ${id}" in the server's log`,
  })
}
