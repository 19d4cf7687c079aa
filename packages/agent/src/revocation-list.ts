import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { equalBytes, LIMITS, MailsealError, sha256 } from '@mailseal/common'
import { type EvaluatedCertificate, verifyForPurpose } from '@mailseal/common/certificate'
import {
  type CrlEntry,
  type CrlFreshness,
  type CrlHeader,
  type CrlSource,
  checkCrl,
  crlFreshness,
  lookupCrl,
  parseCrl,
  readCrlHeader,
  type VerifyCrl,
} from '@mailseal/common/crl'
import { writeFileAtomically } from '@mailseal/common/program'
import { type BinaryAnswer, PATHS } from '@mailseal/common/rpc'
import { type Context, connect } from './context.ts'
import { readIfPresent } from './files.ts'
import type { ListMemory, RevokedKey } from './state/state.ts'
import type { Trust } from './trust.ts'

/** The agent's own list, open to be searched in place. Close it. */
export interface HeldList {
  readonly header: CrlHeader
  /** @throws {@link MailsealError} `revocation-list-missing` if the file turns out to be damaged. */
  lookup(serial: string): CrlEntry | null
  close(): void
}

/**
 * Opens the agent's own list, which was checked when it came.
 *
 * @returns null if there is none to rely on: no file, a damaged one, or one older than the newest ever installed here.
 */
export function openHeldList(context: Pick<Context, 'home' | 'state'>): HeldList | null {
  const descriptor = openIfPresent(context.home.revocationList)
  if (descriptor === null) return null
  const source = sourceOf(descriptor)
  const header = headerOf(source)
  if (header === null || header.number < (context.state.listMemory()?.number ?? 0)) {
    closeSync(descriptor)
    return null
  }
  return { header, lookup: (serial) => lookupIn(source, serial), close: () => closeSync(descriptor) }
}

function lookupIn(source: CrlSource, serial: string): CrlEntry | null {
  try {
    return lookupCrl(source, serial)
  } catch (cause) {
    if (!(cause instanceof MailsealError)) throw cause
    throw new MailsealError('revocation-list-missing', 'the revocation list on this computer is damaged', { cause })
  }
}

/** How current the agent's own list is. */
export function listFreshness(context: Pick<Context, 'home' | 'state' | 'clock'>): CrlFreshness {
  const held = openHeldList(context)
  held?.close()
  return crlFreshness(held?.header, context.clock.now())
}

/** Why a serial number is on the agent's own list; null if it is not, or if there is no list or a damaged one. */
export function lookupHeld(context: Pick<Context, 'home' | 'state'>, serial: string): CrlEntry | null {
  const held = openHeldList(context)
  try {
    return held?.lookup(serial) ?? null
  } catch (error) {
    if (isListMissing(error)) return null
    throw error
  } finally {
    held?.close()
  }
}

/**
 * Everything that revokes a key as far as is known here: the list under each of its serial numbers, the certificate
 * itself, and what was seen before. What was seen now is remembered for ever.
 *
 * @param held - Null where there is none to rely on; what is remembered then still counts.
 * @throws {@link MailsealError} `revocation-list-missing` if the list turns out to be damaged.
 */
export async function revocationsOf(
  context: Pick<Context, 'state'>,
  held: HeldList | null,
  { fingerprint, certifications, revocations }: EvaluatedCertificate,
): Promise<readonly RevokedKey[]> {
  const listed = certifications.flatMap(({ serial }) => {
    const entry = held?.lookup(serial) ?? null
    return entry === null ? [] : [{ fingerprint, reason: entry.reason, at: entry.revokedAt }]
  })
  const byAuthority = revocations
    .filter(({ kind }) => kind === 'certification')
    .map(({ reason, at }) => ({ fingerprint, reason: reason ?? 'unspecified', at }))
  const dated = [...listed, ...byAuthority]
  // A key's own revocation was made together with it: the others know when it came to be used.
  const byKey = revocations
    .filter(({ kind }) => kind === 'key')
    .map(({ at }) => ({ fingerprint, reason: 'unspecified', at: dated.length === 0 ? at : earliest(dated) }))
  const seen = [...dated, ...byKey]
  await rememberRevocations(context, seen)
  const remembered = context.state.revokedKey(fingerprint)
  return remembered === null ? seen : [...seen, remembered]
}

const earliest = (revoked: readonly RevokedKey[]) => Math.min(...revoked.map(({ at }) => at))

/** Keeps for ever that keys were seen revoked; writes only what says more than is known. */
export async function rememberRevocations(
  { state }: Pick<Context, 'state'>,
  revoked: readonly RevokedKey[],
): Promise<void> {
  const news = revoked.filter(({ fingerprint, reason, at }) => {
    const known = state.revokedKey(fingerprint)
    return known === null || at < known.at || (known.reason === 'replaced' && reason !== 'replaced')
  })
  if (news.length === 0) return
  await state.exclusively(async (writer) => {
    for (const one of news) writer.rememberRevoked(one)
  })
}

/** Whether a look-up failed because the list can't be relied on. */
export function isListMissing(error: unknown): boolean {
  return error instanceof MailsealError && error.code === 'revocation-list-missing'
}

/** What a list that goes with something else has to be, such as the one named in an enrollment's reply. */
export interface ListFloor {
  readonly number: number
  readonly hash: Uint8Array
}

interface RefreshOptions {
  readonly server: string
  readonly trust: Trust
  readonly timeout: number
  readonly floor?: ListFloor
  readonly mend?: boolean
}

/**
 * Fetches the newest list unless it is held already, checks it against all that is known, and installs it.
 *
 * @param timeout - Milliseconds.
 * @param mend - Look at every byte of what is held, and fetch it anew if one is damaged.
 * @returns How many bytes were transferred; 0 if what is held is current.
 * @throws {@link MailsealError} `server-unreachable`, `revocation-list-refused`, `unwritable-file`.
 */
export async function refreshList(
  context: Context,
  { server, trust, timeout, floor, mend = false }: RefreshOptions,
): Promise<number> {
  const isWanted = floor !== undefined || (mend && !(await isIntact(context)))
  const etag = isWanted ? undefined : etagOfHeld(context)
  const answer = await connect(context, server, timeout).getBytes(PATHS.crl, LIMITS.crl, etag)
  if (answer === null) return 0
  await installList(context, { trust, floor, ...answer })
  return answer.bytes.length
}

/** The etag only counts for the file as it stands there. */
function etagOfHeld(context: Context): string | undefined {
  const held = openHeldList(context)
  held?.close()
  const memory = context.state.listMemory()
  return held !== null && memory !== null && held.header.number === memory.number
    ? (memory.etag ?? undefined)
    : undefined
}

async function isIntact({ home, state }: Context): Promise<boolean> {
  const bytes = await readIfPresent(home.revocationList, LIMITS.crl)
  const memory = state.listMemory()
  return bytes !== null && memory !== null && equalBytes(sha256(bytes), memory.hash)
}

async function installList(
  { home, state, clock }: Context,
  { trust, floor, bytes, etag }: BinaryAnswer & { trust: Trust; floor: ListFloor | undefined },
): Promise<void> {
  await state.exclusively(async (writer) => {
    const held = await readUsable(home.revocationList, writer.listMemory(), trust)
    const { header } = await checkCrl(bytes, {
      authorities: new Set(trust.authorities.filter((one) => one.state === 'active').map((one) => one.fingerprint)),
      verify: verifierOf(trust),
      now: clock.now(),
      held: held ?? undefined,
    })
    const hash = sha256(bytes)
    const list = { number: header.number, hash }
    // Also without the file, no list comes back that is older than one seen before, or another of the same number.
    for (const earlier of [writer.listMemory(), floor]) if (earlier) assertAtLeast(list, earlier)
    // The file first: a crash before the memory is written leaves a newer list than remembered, which is harmless.
    if (held === null || !equalBytes(held, bytes))
      await writeFileAtomically(home.revocationList, bytes, { mode: 0o600 })
    writer.setListMemory({ ...list, etag })
  })
}

function assertAtLeast(list: ListFloor, floor: ListFloor): void {
  if (list.number < floor.number) {
    throw refused(`has number ${list.number}, and one with ${floor.number} was seen before`)
  }
  if (list.number === floor.number && !equalBytes(list.hash, floor.hash)) {
    throw refused('has the number of one seen before, but is another')
  }
}

function refused(fault: string): MailsealError {
  return new MailsealError('revocation-list-refused', `the revocation list ${fault}`, {
    hint: 'somebody may be holding the newest list back; tell your administrator',
  })
}

/** The CA signs lists for that purpose alone, dated as the list. */
function verifierOf(trust: Trust): VerifyCrl {
  return async (bytes, signature, issuer, thisUpdate) => {
    const authority = trust.authorities.find((one) => one.fingerprint === issuer)
    if (authority === undefined) return false
    const options = { purpose: 'revocation-list', domains: trust.domains, bytes, signature } as const
    return (await verifyForPurpose(authority.key, options)) === thisUpdate
  }
}

/**
 * The list in the file. A damaged one is as good as none: it would have every later list refused for what it never held.
 * The number remembered still guards against an older list.
 */
async function readUsable(path: string, memory: ListMemory | null, trust: Trust): Promise<Uint8Array | null> {
  const bytes = await readIfPresent(path, LIMITS.crl)
  if (bytes === null) return null
  try {
    const { header, signedBytes, signature } = parseCrl(bytes)
    if (memory !== null && equalBytes(sha256(bytes), memory.hash)) return bytes
    // A crash can leave a newer list than the one remembered.
    return (await verifierOf(trust)(signedBytes, signature, header.issuer, header.thisUpdate)) ? bytes : null
  } catch (error) {
    if (error instanceof MailsealError) return null
    throw error
  }
}

function openIfPresent(path: string): number | null {
  try {
    return openSync(path, 'r')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw new MailsealError('unreadable-file', `file "${path}" can't be read`, { cause })
  }
}

function sourceOf(descriptor: number): CrlSource {
  return {
    size: fstatSync(descriptor).size,
    read(offset, length) {
      const bytes = new Uint8Array(length)
      return bytes.subarray(0, readSync(descriptor, bytes, 0, length, offset))
    },
  }
}

function headerOf(source: CrlSource): CrlHeader | null {
  try {
    return readCrlHeader(source)
  } catch (error) {
    if (error instanceof MailsealError) return null
    throw error
  }
}
