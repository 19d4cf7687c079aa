import { equalBytes, LIMITS, MailsealError } from '@mailseal/common'
import { evaluateCertificate } from '@mailseal/common/certificate'
import { directoryAnswerSchema, isLoopback, PATHS, type RpcClient } from '@mailseal/common/rpc'
import { type Context, connect, type Enrolled } from './context.ts'
import type { Identity, StateWriter, StoredCertificate } from './state/state.ts'
import type { Trust } from './trust.ts'

/** Which certificate, and from where. */
export interface CertificateQuery {
  readonly fingerprint: string
  /** `fresh`: not the agent's own copy. */
  readonly how: 'any' | 'fresh'
  /** Whether the KM server is worth asking. */
  readonly isOnline: boolean
}

/**
 * A certificate by its fingerprint: the agent's own copy, else the directory's. What comes from there is kept if a
 * trusted CA certified it.
 *
 * @returns Binary; null if it is not to be had, also because the server does not answer.
 */
export async function findCertificate(
  context: Context,
  { identity, trust }: Enrolled,
  { fingerprint, how, isOnline }: CertificateQuery,
): Promise<Uint8Array | null> {
  const copy = how === 'any' ? context.state.certificate(fingerprint) : null
  if (copy !== null) return copy.certificate
  if (!isOnline) return null
  const bytes = await fetchCertificate(context, identity, fingerprint)
  if (bytes === null) return null
  const certified = await certifiedIn(trust, bytes)
  if (certified?.fingerprint !== fingerprint) return bytes
  const fetched = context.clock.now()
  await context.state.exclusively((state) =>
    state.keepCertificate({ ...certified, certificate: bytes, fetched }, false),
  )
  return context.state.certificate(fingerprint)?.certificate ?? bytes
}

/**
 * The certificate that the directory names for an address now, which is kept. One for our own address of a key that we
 * don't hold is remembered as foreign.
 *
 * @returns null if there is none that a trusted CA certified for the address, also because the server does not answer.
 */
export async function fetchByAddress(
  context: Context,
  { identity, trust }: Enrolled,
  address: string,
): Promise<StoredCertificate | null> {
  const bytes = await fetchCertificate(context, identity, address)
  const certified = bytes === null ? null : await certifiedIn(trust, bytes)
  if (bytes === null || certified?.address !== address) return null
  const fetched = context.clock.now()
  await context.state.exclusively((state) => state.keepCertificate({ ...certified, certificate: bytes, fetched }, true))
  return context.state.certificate(certified.fingerprint)
}

async function fetchCertificate(context: Context, { server }: Identity, name: string): Promise<Uint8Array | null> {
  const client = connect(context, server, context.timeouts.request)
  try {
    const answer = await client.getBytes(PATHS.certificates + encodeURIComponent(name), LIMITS.certificate)
    return answer?.bytes ?? null
  } catch (error) {
    // Whatever the server's reason: without a certificate the verdict is `unknown`.
    if (error instanceof MailsealError) return null
    throw error
  }
}

/** The key and the address that a trusted CA certified; null if none did. */
async function certifiedIn(trust: Trust, bytes: Uint8Array): Promise<{ fingerprint: string; address: string } | null> {
  try {
    const { fingerprint, address, certifications } = await evaluateCertificate(bytes, trust.authorities, trust.domains)
    return address === null || certifications.length === 0 ? null : { fingerprint, address }
  } catch (error) {
    if (error instanceof MailsealError) return null
    throw error
  }
}

/**
 * Brings the organization's current certificates here, page by page.
 *
 * @throws {@link MailsealError} `server-unreachable`; `server-not-trusted` if the way to the server is open to others;
 *   `refused-by-policy` if our mailbox is not Active.
 */
export async function syncDirectory(context: Context, enrolled: Enrolled): Promise<void> {
  const { identity } = enrolled
  const client = connect(context, identity.server, context.timeouts.download)
  assertPrivateWay(client)
  for (let after: string | null = null; ; ) {
    const path: string = after === null ? PATHS.directory : `${PATHS.directory}?after=${encodeURIComponent(after)}`
    const page = await client.getJson(path, directoryAnswerSchema, identity.directoryToken)
    await keepPage(context, enrolled.trust, page.certificates)
    // A server that does not go forward would keep us here for ever.
    if (page.next === null || (after !== null && page.next <= after)) break
    after = page.next
  }
}

/** The token opens the whole directory to whoever reads it on its way. */
function assertPrivateWay({ server }: RpcClient): void {
  if (server.protocol === 'https:' || isLoopback(server)) return
  throw new MailsealError(
    'server-not-trusted',
    `the directory can't be fetched from ${server.origin}: others could listen`,
    {
      hint: 'ask your administrator for an https address of the KM server',
    },
  )
}

interface ListedCertificate {
  readonly address: string
  readonly fingerprint: string
  readonly certificate: Uint8Array
}

async function keepPage(context: Context, trust: Trust, page: readonly ListedCertificate[]): Promise<void> {
  const fetched = context.clock.now()
  const changed = page.filter((one) => {
    const copy = context.state.currentCertificate(one.address)
    return copy === null || !equalBytes(copy.certificate, one.certificate)
  })
  const certified = await Promise.all(changed.map((one) => certifiedIn(trust, one.certificate)))
  await context.state.exclusively(async (state: StateWriter) => {
    for (const [i, { fingerprint, certificate, address }] of changed.entries()) {
      const isRight = certified[i]?.fingerprint === fingerprint && certified[i].address === address
      if (isRight) await state.keepCertificate({ fingerprint, address, certificate, fetched }, true)
    }
  })
}
