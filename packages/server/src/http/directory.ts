import { toBase64url } from '@mailseal/common'
import { PATHS } from '@mailseal/common/rpc'
import { showDirectory } from '../tasks/directory.ts'
import type { App, HttpContext } from './context.ts'
import { assertConfidential } from './transport.ts'

/** The whole directory, for the agents of enrolled users. */
export function directoryRoutes(app: App, { tasks, transport }: HttpContext): void {
  app.get(PATHS.directory, async (c) => {
    assertConfidential(c.env.incoming, transport)
    const [, token = ''] = /^Bearer ([\w.-]{1,128})$/i.exec(c.req.header('authorization') ?? '') ?? []
    const { certificates, next } = await showDirectory(tasks, { token, after: c.req.query('after') ?? '' })
    return c.json({
      certificates: certificates.map((row) => ({ ...row, certificate: toBase64url(row.certificate) })),
      next,
    })
  })
}
