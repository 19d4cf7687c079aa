import { LIMITS, MailsealError } from '@mailseal/common'
import { readAuthority } from '@mailseal/common/authority'
import { PATHS } from '@mailseal/common/rpc'
import { adoptNewest } from './adopt.ts'
import { type Context, connect, type Enrolled, requireEnrolled, type Warning } from './context.ts'
import { fetchByAddress, syncDirectory } from './directory.ts'
import { ownRevocation } from './own-certificate.ts'
import { openHeldList, refreshList, rememberRevocations } from './revocation-list.ts'
import { foreignWarnings, ownRevocationWarning } from './warnings.ts'

/** What the agent holds after {@link sync}. */
export interface SyncResult {
  readonly crl: {
    readonly number: number
    readonly entries: number
    /** How many bytes were transferred for it; 0 if it was held already. */
    readonly bytes: number
  }
  /** How many certificates the agent holds. */
  readonly certificates: number
  readonly warnings: readonly Warning[]
}

/** Why there may be no directory for us: an open way to the server, or a mailbox that is not Active any more. */
const NO_DIRECTORY: readonly string[] = ['server-not-trusted', 'refused-by-policy']

/**
 * Brings authority document, revocation list and certificates up to date, in this order: each is checked by the one
 * before. Where the directory is not open to us, that is a warning.
 *
 * @throws {@link MailsealError} `not-enrolled`, `server-unreachable`, `untrusted`, `revocation-list-refused`.
 */
export async function sync(context: Context): Promise<SyncResult> {
  await syncAuthority(context, await requireEnrolled(context))
  const enrolled = await requireEnrolled(context)
  const { identity, trust } = enrolled
  const bytes = await refreshList(context, {
    server: identity.server,
    trust,
    timeout: context.timeouts.download,
    mend: true,
  })
  const header = heldHeader(context)
  const warnings = await syncOwn(context, enrolled)
  const crl = { number: header.number, entries: header.count, bytes }
  return { crl, certificates: context.state.certificateCount(), warnings }
}

/**
 * What concerns ourselves, and the directory: a renewal by another computer, a revocation, a certificate for our address
 * that is not ours.
 */
async function syncOwn(context: Context, enrolled: Enrolled): Promise<readonly Warning[]> {
  const identity = await adoptNewest(context, enrolled)
  const current = { ...enrolled, identity }
  const revocation = ownRevocation(context, identity)
  if (revocation !== null) await rememberRevocations(context, [revocation])
  const refused = await syncDirectoryIfOpen(context, current, revocation !== null)
  await fetchByAddress(context, current, identity.address)
  const own = ownRevocationWarning(context, identity)
  return [...refused, ...(own === null ? [] : [own]), ...foreignWarnings(context)]
}

async function syncDirectoryIfOpen(
  context: Context,
  enrolled: Enrolled,
  isRevoked: boolean,
): Promise<readonly Warning[]> {
  try {
    await syncDirectory(context, enrolled)
    return []
  } catch (error) {
    if (!(error instanceof MailsealError) || !NO_DIRECTORY.includes(error.code)) throw error
    // That we are revoked says it better.
    if (isRevoked && error.code === 'refused-by-policy') return []
    return [{ code: error.code, message: error.message }]
  }
}

async function syncAuthority(context: Context, { identity }: Enrolled): Promise<void> {
  const client = connect(context, identity.server, context.timeouts.request)
  const answer = await client.getBytes(PATHS.authority, LIMITS.authorityDocument)
  if (answer === null) return
  const document = readAuthority(answer.bytes)
  await context.state.exclusively(async (state) => state.keepAuthority(document))
}

function heldHeader(context: Context) {
  const held = openHeldList(context)
  held?.close()
  if (held === null) throw new MailsealError('revocation-list-missing', 'the revocation list is gone again')
  return held.header
}
