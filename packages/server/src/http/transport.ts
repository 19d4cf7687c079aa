import type { IncomingMessage } from 'node:http'
import { BlockList, isIP } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { MailsealError } from '@mailseal/common'
import { isLoopback } from '@mailseal/common/rpc'

/** How requests may reach the server (DESIGN.md, section 10). */
export interface TransportRules {
  /** Where people reach it; the listening URL where nothing else was given. */
  readonly publicUrl: URL
  /** Proxies that were declared: what comes from one came over https, if the public URL says so. */
  readonly trustedProxies: BlockList
}

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

const FORWARDING = /^(?:forwarded|x-forwarded-.*|x-real-ip|via)$/

/**
 * Reads the addresses of declared proxies.
 *
 * @throws {@link MailsealError} `usage`.
 */
export function asTrustedProxies(addresses: readonly string[]): BlockList {
  const proxies = new BlockList()
  for (const address of addresses) {
    const family = isIP(address)
    if (family === 0) {
      throw new MailsealError('usage', 'a trusted proxy is named by its IP address', {
        hint: 'for a proxy on this machine: --trusted-proxy 127.0.0.1',
      })
    }
    proxies.addAddress(address, family === 6 ? 'ipv6' : 'ipv4')
  }
  return proxies
}

/**
 * Lets a request in that carries a password or brings secrets back: over TLS, on this machine itself, or from a declared
 * proxy that speaks https.
 *
 * @throws {@link MailsealError} `refused-by-policy`.
 */
export function assertConfidential(incoming: IncomingMessage, rules: TransportRules): void {
  if (isTls(incoming) || isFromDeclaredProxy(incoming, rules) || isOnThisMachine(incoming)) return
  throw new MailsealError('refused-by-policy', 'this is not taken over a connection that others could read', {
    hint: 'use the https:// address of the KM server, or its own machine',
  })
}

/**
 * Refuses what a page of another site sent.
 *
 * @throws {@link MailsealError} `refused-by-policy`.
 */
export function assertOwnOrigin(incoming: IncomingMessage, rules: TransportRules): void {
  const { origin } = incoming.headers
  if (origin === undefined || origin === rules.publicUrl.origin) return
  const host = hostOf(incoming)
  if (host !== null && isLoopback(host) && URL.canParse(origin) && new URL(origin).host === host.host) return
  throw new MailsealError('refused-by-policy', 'the request comes from a page of another site')
}

function isTls(incoming: IncomingMessage): boolean {
  return (incoming.socket as Partial<TLSSocket>).encrypted === true
}

function isFromDeclaredProxy(incoming: IncomingMessage, { publicUrl, trustedProxies }: TransportRules): boolean {
  const scheme = incoming.headers['x-forwarded-proto'] ?? 'https'
  return publicUrl.protocol === 'https:' && scheme === 'https' && isPeerIn(incoming, trustedProxies)
}

/** Peer and Host both loopback, and nobody in between: a proxy on this machine has peers elsewhere. */
function isOnThisMachine(incoming: IncomingMessage): boolean {
  const host = hostOf(incoming)
  const isForwarded = Object.keys(incoming.headers).some((name) => FORWARDING.test(name))
  return !isForwarded && host !== null && isLoopback(host) && isPeerIn(incoming, LOOPBACK)
}

function isPeerIn(incoming: IncomingMessage, addresses: BlockList): boolean {
  const peer = incoming.socket.remoteAddress ?? ''
  const family = isIP(peer)
  return family !== 0 && addresses.check(peer, family === 6 ? 'ipv6' : 'ipv4')
}

function hostOf(incoming: IncomingMessage): URL | null {
  const url = `http://${incoming.headers.host ?? ''}`
  return URL.canParse(url) ? new URL(url) : null
}
