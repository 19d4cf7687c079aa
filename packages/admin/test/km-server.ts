import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

/** A request as it came. */
export interface Received {
  readonly path: string
  // biome-ignore lint/suspicious/noExplicitAny: each test knows what it sends
  readonly body: any
}

/** What to answer: JSON with a status, bytes, a redirect, or nothing, the connection being cut. */
export type Answer = { json: object; status?: number } | { bytes: Uint8Array } | { location: string } | 'cut'

/** A server on a free port of this machine that answers as told and remembers what came. It ends with the test. */
export async function serve(answer: (received: Received, count: number) => Answer) {
  const received: Received[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const text = Buffer.concat(chunks).toString()
    received.push({ path: request.url ?? '', body: text === '' ? undefined : JSON.parse(text) })
    const reply = answer(received.at(-1) as Received, received.length)
    if (reply === 'cut') response.destroy()
    else if ('location' in reply) response.writeHead(307, { location: reply.location }).end()
    else if ('bytes' in reply) response.end(reply.bytes)
    else response.writeHead(reply.status ?? 200, { 'content-type': 'application/json' }).end(JSON.stringify(reply.json))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received }
}
