import { connect, createServer, type Socket } from 'node:net'

/** Stands between a client and the KM server and keeps every byte that the client sends. */
export interface Recorder {
  readonly url: string
  sent(): Buffer
  end(): Promise<void>
}

export async function recordTrafficTo(server: string): Promise<Recorder> {
  const target = new URL(server)
  const chunks: Buffer[] = []
  const sockets = new Set<Socket>()
  const proxy = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => {
        client.destroy()
        upstream.destroy()
      })
    }
    client.on('data', (chunk: Buffer) => chunks.push(chunk))
    client.pipe(upstream).pipe(client)
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  const address = proxy.address()
  if (address === null || typeof address === 'string') throw new TypeError('the proxy has no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    sent: () => Buffer.concat(chunks),
    end: () => {
      for (const socket of sockets) socket.destroy()
      return new Promise<void>((resolve) => proxy.close(() => resolve()))
    },
  }
}
