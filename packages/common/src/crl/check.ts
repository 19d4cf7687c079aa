import { formatTime } from '../clock.ts'
import { equalBytes } from '../encoding.ts'
import { asMailsealError, MailsealError } from '../errors.ts'
import { SPANS } from '../limits.ts'
import {
  compareSerials,
  dayOf,
  ENTRY_SIZE,
  expiryDayIn,
  HEADER_SIZE,
  REPLACED,
  readSerial,
  reasonIn,
  viewOf,
} from './format.ts'
import { type ParsedCrl, parseCrl } from './parse.ts'

/** Whether `signature` is the CA's over `signedBytes`, made for a revocation list at `thisUpdate`. */
export type VerifyCrl = (
  signedBytes: Uint8Array,
  signature: Uint8Array,
  issuer: string,
  thisUpdate: number,
) => Promise<boolean>

export interface CheckCrlOptions {
  /** Fingerprints of the authority document's active CAs, lower-case hex. */
  readonly authorities: ReadonlySet<string>
  readonly verify: VerifyCrl
  /** Unix seconds. */
  readonly now: number
  /** The list that the new one would replace, checked when it came. */
  readonly held?: Uint8Array | undefined
}

/**
 * An agent's check of a list that it received; afterwards it may be stored and trusted. Linear in both lists' length.
 *
 * @param bytes - Attacker-controlled; the caller has bounded its length. Must not change meanwhile.
 * @throws {@link MailsealError} `revocation-list-refused`, naming the rule; `bad-data` if the held list is damaged.
 * @see docs/spec/crl.md, "Rules on receipt"
 */
export async function checkCrl(bytes: Uint8Array, options: CheckCrlOptions): Promise<ParsedCrl> {
  const list = parseReceived(bytes)
  await assertSigned(list, options)
  assertCurrent(list, options.now)
  if (options.held !== undefined) assertFollows(bytes, list, options.held)
  return list
}

function parseReceived(bytes: Uint8Array): ParsedCrl {
  try {
    return parseCrl(bytes)
  } catch (thrown) {
    const { message, hint } = asMailsealError(thrown)
    throw new MailsealError('revocation-list-refused', message, { hint, cause: thrown })
  }
}

async function assertSigned(list: ParsedCrl, { authorities, verify }: CheckCrlOptions): Promise<void> {
  const { issuer, thisUpdate } = list.header
  if (!authorities.has(issuer)) throw refused('is signed by a CA that is not active')
  if (!(await verify(list.signedBytes, list.signature, issuer, thisUpdate))) throw refused('has a bad signature')
}

function assertCurrent({ header: { thisUpdate, nextUpdate } }: ParsedCrl, now: number): void {
  const hint = 'check the clock of this computer, then run: mailseal sync'
  if (thisUpdate > now + SPANS.clockTolerance) throw refused(`is from the future, ${formatTime(thisUpdate)}`, hint)
  if (nextUpdate < now - SPANS.clockTolerance) throw refused(`lapsed on ${formatTime(nextUpdate)}`, hint)
}

function assertFollows(bytes: Uint8Array, list: ParsedCrl, heldBytes: Uint8Array): void {
  const held = parseCrl(heldBytes, 'the held revocation list')
  const [number, heldNumber] = [list.header.number, held.header.number]
  if (number < heldNumber) throw refused(`has number ${number}, and the held one has ${heldNumber}`)
  if (number > heldNumber) assertKeeps(list, held)
  else if (!equalBytes(bytes, heldBytes)) throw refused('has the number of the held one, but is another')
}

/** Walks both lists side by side: every unexpired entry that is held must still be there, changed as allowed. */
function assertKeeps(list: ParsedCrl, held: ParsedCrl): void {
  const fresh = viewOf(list.signedBytes)
  const old = viewOf(held.signedBytes)
  const day = dayOf(list.header.thisUpdate)
  let at = HEADER_SIZE
  for (let oldAt = HEADER_SIZE; oldAt < old.byteLength; oldAt += ENTRY_SIZE) {
    if (expiryDayIn(old.getUint32(oldAt + 12)) < day) continue
    while (at < fresh.byteLength && compareSerials(fresh, at, old, oldAt) < 0) at += ENTRY_SIZE
    const kept = at < fresh.byteLength && compareSerials(fresh, at, old, oldAt) === 0
    const fault = kept ? changeFault(fresh, at, old, oldAt) : 'leaves out'
    if (fault !== undefined) throw refused(`${fault} serial number ${readSerial(old, oldAt)}`)
  }
}

function changeFault(fresh: DataView, at: number, old: DataView, oldAt: number): string | undefined {
  const [last, oldLast] = [fresh.getUint32(at + 12), old.getUint32(oldAt + 12)]
  if (fresh.getUint32(at + 8) > old.getUint32(oldAt + 8)) return 'has a later time of revocation for'
  if (last === oldLast) return undefined
  if (expiryDayIn(last) !== expiryDayIn(oldLast)) return 'has another expiry day for'
  return reasonIn(oldLast) === REPLACED ? undefined : 'has another reason for'
}

function refused(fault: string, hint?: string): MailsealError {
  return new MailsealError('revocation-list-refused', `the revocation list ${fault}`, { hint })
}
