import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { MailsealError } from '@mailseal/common'

/** Milliseconds. A request that trickles in, or a connection that says nothing, is let go. */
const TIMEOUTS = { headersTimeout: 10_000, requestTimeout: 60_000, keepAliveTimeout: 5_000 } as const
/** How long requests under way may take to finish once the server stops, and how often idle connections are closed. */
const STOP = { deadline: 10_000, every: 50 } as const

/** Where to listen. */
export interface ListenAddress {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
}

/** PEM. */
export interface TlsFiles {
  readonly cert: Uint8Array
  readonly key: Uint8Array
}

/**
 * Reads `HOST:PORT`, an IPv6 address in brackets.
 *
 * @throws {@link MailsealError} `usage`.
 */
export function asListenAddress(text: string): ListenAddress {
  const [, bracketed, name, digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? []
  const host = bracketed ?? name
  const port = Number(digits)
  if (host !== undefined && port <= 65535) return { host, port }
  throw new MailsealError('usage', 'this is no address to listen at', {
    hint: 'write HOST:PORT, such as 127.0.0.1:8650 or [::1]:8650',
  })
}

/** Whether this means every address of the machine, which is no place that an agent could go to. */
export function isEveryAddress({ host }: ListenAddress): boolean {
  return host === '0.0.0.0' || /^[0:]+$/.test(host)
}

/** @throws {@link MailsealError} `bad-data` if certificate or key are none. */
export function createNodeServer(tls: TlsFiles | undefined): Server {
  if (tls === undefined) return createServer(TIMEOUTS)
  try {
    return createTlsServer({ ...TIMEOUTS, cert: Buffer.from(tls.cert), key: Buffer.from(tls.key) })
  } catch (cause) {
    throw new MailsealError('bad-data', 'TLS certificate and key do not belong together, or are damaged', { cause })
  }
}

/**
 * @returns Where the server listens, as a URL without a path.
 * @throws {@link MailsealError} `busy` if another program listens there; `usage` if nobody can.
 */
export async function listenAt(server: Server, { host, port }: ListenAddress, scheme: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('listening', resolve).once('error', reject).listen(port, host)
  try {
    await promise
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown'
    if (code === 'EADDRINUSE') {
      throw new MailsealError('busy', `${host}, port ${port}, is in use already`, {
        hint: 'if a KM server runs there, stop it, or choose another port: --listen 127.0.0.1:0',
        cause,
      })
    }
    throw new MailsealError('usage', `nothing can listen at ${host}, port ${port} (${code})`, {
      hint: 'choose an address of this machine: --listen 127.0.0.1:0',
      cause,
    })
  }
  const { port: actual } = server.address() as AddressInfo
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${actual}`
}

/** Takes no more connections, lets requests under way finish, and closes what still hangs after ten seconds. */
export async function closeServer(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  server.close(() => resolve())
  // A connection that is kept alive becomes idle only when its last answer has gone.
  const idle = setInterval(() => server.closeIdleConnections(), STOP.every)
  const deadline = setTimeout(() => server.closeAllConnections(), STOP.deadline)
  await promise
  clearInterval(idle)
  clearTimeout(deadline)
}
