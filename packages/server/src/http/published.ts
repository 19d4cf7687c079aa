import { MailsealError, sha256, toHex } from '@mailseal/common'
import { PATHS } from '@mailseal/common/rpc'
import { showAuthorities, showAuthorityDocument, showCertificate } from '../tasks/published.ts'
import type { App, HttpContext, HttpRequest } from './context.ts'

const OPENPGP_KEYS = 'application/pgp-keys'

/** What everybody may have: each piece carries its own signature, so that plain HTTP is safe for it. */
export function publishedRoutes(app: App, { tasks }: HttpContext): void {
  app.get(PATHS.authority, async (c) => {
    const bytes = await showAuthorityDocument(tasks, asVersion(c.req.query('version')))
    return published(c, { bytes, type: 'application/json' })
  })

  app.get(PATHS.authorities, async (c) => published(c, { bytes: await showAuthorities(tasks), type: OPENPGP_KEYS }))

  app.get(PATHS.crl, (c) => {
    const { bytes, hash, thisUpdate } = tasks.lists.current
    c.header('last-modified', new Date(thisUpdate * 1000).toUTCString())
    return published(c, { bytes, hash, type: 'application/vnd.mailseal.crl' })
  })

  app.get(`${PATHS.certificates}:name`, async (c) =>
    published(c, { bytes: await showCertificate(tasks, c.req.param('name')), type: OPENPGP_KEYS }),
  )
}

/** @returns null for the newest. */
function asVersion(text: string | undefined): number | null {
  if (text === undefined) return null
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new MailsealError('bad-data', 'the version is not a number from 1 on')
}

/** Answers with bytes that may be kept, as long as the server is asked each time whether they are still current. */
function published(c: HttpRequest, content: { bytes: Uint8Array; hash?: Uint8Array; type: string }): Response {
  const etag = `"${toHex(content.hash ?? sha256(content.bytes))}"`
  c.header('etag', etag)
  c.header('cache-control', 'no-cache')
  const held = (c.req.header('if-none-match') ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''))
  if (held.includes(etag) || held.includes('*')) return c.body(null, 304)
  c.header('content-type', content.type)
  return c.body(new Uint8Array(content.bytes))
}
