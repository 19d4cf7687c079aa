import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { equalBytes, LIMITS, MailsealError, sha256 } from '@mailseal/common'
import { verifyForPurpose } from '@mailseal/common/certificate'
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
import type { Trust } from './trust.ts'

/** 16 bytes an entry, and header and signature. */
const LIST_LIMIT = LIMITS.crlEntries * 16 + LIMITS.signature + 128

/** The agent's own list, open to be searched in place. Close it. */
export interface HeldList {
  readonly header: CrlHeader
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
  return { header, lookup: (serial) => lookupCrl(source, serial), close: () => closeSync(descriptor) }
}

/** How current the agent's own list is. */
export function listFreshness(context: Pick<Context, 'home' | 'state' | 'clock'>): CrlFreshness {
  const held = openHeldList(context)
  held?.close()
  return crlFreshness(held?.header, context.clock.now())
}

/** Why a serial number is on the agent's own list; null if it is not, or if there is no list. */
export function lookupHeld(context: Pick<Context, 'home' | 'state'>, serial: string): CrlEntry | null {
  const held = openHeldList(context)
  try {
    return held?.lookup(serial) ?? null
  } finally {
    held?.close()
  }
}

/** What a list that goes with something else has to be, such as the one named in an enrollment's reply. */
export interface ListFloor {
  readonly number: number
  readonly hash: Uint8Array
}

/**
 * Fetches the newest list unless it is held already, checks it against all that is known, and installs it.
 *
 * @param timeout - Milliseconds.
 * @returns How many bytes were transferred; 0 if what is held is current.
 * @throws {@link MailsealError} `server-unreachable`, `revocation-list-refused`, `unwritable-file`.
 */
export async function refreshList(
  context: Context,
  { server, trust, timeout, floor }: { server: string; trust: Trust; timeout: number; floor?: ListFloor },
): Promise<number> {
  const etag = floor === undefined ? etagOfHeld(context) : undefined
  const answer = await connect(context, server, timeout).getBytes(PATHS.crl, LIST_LIMIT, etag)
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

async function installList(
  { home, state, clock }: Context,
  { trust, floor, bytes, etag }: BinaryAnswer & { trust: Trust; floor: ListFloor | undefined },
): Promise<void> {
  await state.exclusively(async (writer) => {
    const held = await readUsable(home.revocationList)
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

async function readUsable(path: string): Promise<Uint8Array | null> {
  const bytes = await readIfPresent(path, LIST_LIMIT)
  if (bytes === null) return null
  try {
    parseCrl(bytes)
    return bytes
  } catch (error) {
    // A damaged file is as good as none; the number remembered still guards against an older list.
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
