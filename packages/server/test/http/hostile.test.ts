import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { text } from 'node:stream/consumers'
import { toBase64url, utf8 } from '@mailseal/common'
import { describe, expect, it } from 'vitest'
import { databasePath } from '../../src/store/sqlite/index.ts'
import { organization } from '../organization.ts'
import { JSON_TYPE, listBody, raw } from './raw.ts'

const POSTS = [
  '/v1/tasks/mailboxes.list',
  '/v1/enrollment/offer',
  '/v1/enrollment/request',
  '/v1/requests',
  '/v1/enrollment-messages',
]

describe('a body that is wrong', () => {
  it.each([
    ['no JSON', '{"requestId":', 'the request is not JSON'],
    ['no UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'the request is not UTF-8'],
    ['empty', '', 'the request is not JSON'],
    ['a number', '1', /^the request is not as it has to be$/],
    ['an array', '[]', /^the request: \w+ is not as it has to be$/],
    ['an object with nothing in it', '{}', /^the request: \w+ is not as it has to be$/],
    ['an unknown member', '{"__proto__":{},"a":1}', /^the request/],
    ['deep', '['.repeat(30_000), 'the request is not JSON'],
    ['deep and closed', '['.repeat(15_000) + ']'.repeat(15_000), /^the request: \w+ is not as it has to be$/],
  ])('%s: refused on every path', async (_, body, message) => {
    const { url, logged } = await organization()
    for (const path of POSTS) {
      const answer = await raw(url + path, { method: 'POST', headers: JSON_TYPE, body })
      expect(answer, path).toMatchObject({ status: 400, code: 'bad-data', message: expect.stringMatching(message) })
    }
    expect(logged).toEqual([])
  })

  it('unknown members and wrong types in a task are named, and never shown', async () => {
    const { url } = await organization()
    const ask = async (change: object) => {
      const body = JSON.stringify({ ...JSON.parse(listBody()), ...change })
      return (await raw(`${url}/v1/tasks/mailboxes.list`, { method: 'POST', headers: JSON_TYPE, body })).message
    }
    expect(await ask({ surplus: 1 })).toBe('the request: surplus is not as it has to be')
    expect(await ask({ requestId: 'SECRET' })).toBe('the request: requestId is not lower-case hex')
    expect(await ask({ parameters: { status: 'SECRET' } })).toBe('the parameters: status is not as it has to be')
    expect(await ask({ parameters: { surplus: 1 } })).toBe('the parameters: surplus is not as it has to be')
    expect(await ask({ credentials: 'SECRET' })).toBe('the request: credentials is not as it has to be')
  })

  it('too large is refused before it is read, with a length and without', async () => {
    const { url } = await organization()
    for (const path of POSTS) {
      const headers = { ...JSON_TYPE, 'content-length': String(5 * 1024 * 1024) }
      const claimed = await claim(url, path, headers)
      expect(claimed, path).toMatch(/^HTTP\/1.1 413 [\s\S]*"code":"too-large"/)
      const chunk = Buffer.alloc(512 * 1024, ' ')
      const chunked = await raw(url + path, { method: 'POST', headers: JSON_TYPE, body: Array(10).fill(chunk) }).catch(
        ({ code }) => ({ code: code === 'EPIPE' || code === 'ECONNRESET' ? 'too-large' : code }),
      )
      expect(chunked, path).toMatchObject({ code: 'too-large' })
    }
    expect(await raw(url)).toMatchObject({ status: 200 })
  })

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp', ''])(
    'of the type "%s" is refused',
    async (type) => {
      const { url } = await organization()
      for (const path of POSTS) {
        const headers: Record<string, string> = type === '' ? {} : { 'content-type': type }
        const answer = await raw(url + path, { method: 'POST', headers, body: listBody() })
        expect(answer, path).toMatchObject({
          status: 400,
          code: 'bad-data',
          message: 'the request is not application/json',
        })
      }
    },
  )
})

/** Sends a head without its body, and reads what comes back. */
async function claim(url: string, path: string, headers: Record<string, string>): Promise<string> {
  const lines = Object.entries({ host: '127.0.0.1', connection: 'close', ...headers })
  const head = `POST ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`
  return text(open(url, head))
}

/** A connection on which something was said. */
function open(url: string, said: string): Socket {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => undefined)
  socket.write(said)
  return socket
}

describe('a connection that misbehaves', () => {
  it.each([
    ['no HTTP', 'hello\r\n\r\n'],
    ['no host', 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n'],
    ['a host that is none', 'GET / HTTP/1.1\r\nHost: a b[/../\r\nConnection: close\r\n\r\n'],
    ['another target', 'GET http://attacker.example:x/ HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n'],
    ['a head without end', `GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n${'a: b\r\n'.repeat(10_000)}\r\n`],
  ])('%s: is told so, and no more', async (_, said) => {
    const { url, logged } = await organization()
    const answer = await text(open(url, said))
    expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /)
    expect(answer).not.toMatch(/node_modules|\.ts:|at file/)
    expect(await raw(url)).toMatchObject({ status: 200 })
    expect(logged).toEqual([])
  })

  it('that ends in the middle of a body is no error of the server', async () => {
    const { url, logged } = await organization()
    const head = 'POST /v1/requests HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n'
    const socket = open(url, `${head}Content-Length: 100\r\n\r\n{"request":`)
    await once(socket, 'connect')
    const first = await raw(url)
    socket.destroy()
    await once(socket, 'close')
    const second = await raw(url)
    expect([first.status, second.status]).toEqual([200, 200])
    expect(logged).toEqual([])
  })
})

describe('a path that is wrong', () => {
  it.each([
    ['GET', '/v1/nothing'],
    ['GET', '/v1/tasks/enable'],
    ['POST', '/v1/crl'],
    ['POST', '/v1/tasks/nothing'],
    ['POST', '/v1/tasks/__proto__'],
    ['POST', '/v1/tasks/constructor'],
    ['GET', '/v1/certificates/'],
    ['GET', '/../etc/passwd'],
    ['GET', '/v1/certificates/..%2f..%2fetc%2fpasswd'],
    ['GET', '/v1/certificates/%zz'],
    ['GET', `/v1/certificates/${'a'.repeat(8000)}`],
    ['DELETE', '/'],
  ])('%s %s', async (method, path) => {
    const { url, logged } = await organization()
    const answer = await raw(url + path, {
      method,
      headers: JSON_TYPE,
      ...(method === 'POST' ? { body: listBody() } : {}),
    })
    expect([400, 404]).toContain(answer.status)
    expect(['not-found', 'bad-data']).toContain(answer.code)
    expect(logged).toEqual([])
  })
})

describe('an error inside the server', () => {
  it('shows an id and nothing else; the log has the rest under that id', async () => {
    const org = await organization()
    const database = new DatabaseSync(databasePath(org.dataFolder))
    database.exec('alter table mailboxes rename to elsewhere')
    database.close()
    const answer = await raw(`${org.url}/v1/certificates/alice@example.org`)
    expect(answer).toMatchObject({
      status: 500,
      code: 'internal-error',
      message: 'something went wrong inside the KM server',
    })
    const [, id = ''] = /"internal error ([0-9a-f]{12})\\"/.exec(answer.body.toString()) ?? []
    expect(id).not.toBe('')
    expect(answer.body.toString()).not.toContain('mailboxes')
    expect(org.logged).toHaveLength(1)
    expect(org.logged[0]).toContain(`internal error ${id}: `)
    expect(org.logged[0]).toContain('mailboxes')
  })
})

describe("an error at one of the server's own files", () => {
  it('shows no path; the log has it', async () => {
    const org = await organization()
    const issued = await org.enabled('alice@example.org')
    await rm(join(org.dataFolder, 'outbox'), { recursive: true })
    const message = toBase64url(utf8(`To: alice@example.org\r\n\r\n${issued.temporaryKey}\r\n`))
    const answer = await raw(`${org.url}/v1/enrollment-messages`, {
      method: 'POST',
      headers: JSON_TYPE,
      body: JSON.stringify({ sendToken: issued.sendToken, message }),
    })
    expect(answer).toMatchObject({ status: 500, code: 'internal-error' })
    expect(answer.body.toString()).not.toContain(org.dataFolder)
    expect(org.logged).toEqual([expect.stringContaining(org.dataFolder)])
  })
})

describe('every answer', () => {
  it('forbids sniffing, framing and keeping', async () => {
    const { url } = await organization()
    for (const path of ['/', '/v1/nothing']) {
      const { headers } = await raw(url + path)
      expect(headers).toMatchObject({
        'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
        'x-content-type-options': 'nosniff',
        'cache-control': 'no-store',
      })
    }
  })
})
