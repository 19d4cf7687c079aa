import { MailsealError } from '../errors.ts'
import { LIMITS } from '../limits.ts'
import {
  type CrlEntry,
  type CrlHeader,
  dayOf,
  ENTRY_SIZE,
  expiryDayIn,
  HEADER_SIZE,
  REVOCATION_REASONS,
  readEntry,
  readHeader,
  reasonIn,
  SIGNATURE_START,
  signatureOffset,
  signatureSize,
  viewOf,
} from './format.ts'

/** A list in canonical form; whose it is and whether it is true is for {@link checkCrl} to say. */
export interface ParsedCrl {
  readonly header: CrlHeader
  /** In ascending order; each entry is made when it is asked for. */
  readonly entries: Iterable<CrlEntry>
  /** All before the signature. Shares memory with the parsed bytes, like `signature`. */
  readonly signedBytes: Uint8Array
  /** One OpenPGP signature packet, unchecked. */
  readonly signature: Uint8Array
}

/**
 * Reads a whole revocation list and refuses all but the one canonical form. Linear, without an object per entry.
 *
 * @param bytes - Attacker-controlled; the caller has bounded its length. Must not change afterwards.
 * @param label - What the list is called in messages.
 * @throws {@link MailsealError} `bad-data`.
 * @see docs/spec/crl.md
 */
export function parseCrl(bytes: Uint8Array, label = 'the revocation list'): ParsedCrl {
  if (bytes.length < HEADER_SIZE) throw new MailsealError('bad-data', `${label} is shorter than its header`)
  const header = readHeader(bytes.subarray(0, HEADER_SIZE), label)
  const end = signatureOffset(header.count)
  assertExtent(bytes.length, header.count, bytes.subarray(end, end + SIGNATURE_START), label)
  const signedBytes = bytes.subarray(0, end)
  const view = viewOf(signedBytes)
  assertEntries(view, header, label)
  return {
    header,
    entries: { [Symbol.iterator]: () => eachEntry(view) },
    signedBytes,
    signature: bytes.subarray(end),
  }
}

/**
 * Refuses a list whose size is not what its header and its signature packet's first bytes say.
 *
 * @param start - What stands where the signature should begin.
 * @throws {@link MailsealError} `bad-data`.
 */
export function assertExtent(size: number, count: number, start: Uint8Array, label: string): void {
  const rest = size - signatureOffset(count)
  if (rest < SIGNATURE_START) {
    throw new MailsealError('bad-data', `${label} is cut off: it should have ${count} entries`)
  }
  const signature = signatureSize(start)
  if (signature === null) {
    throw new MailsealError('bad-data', `${label} has no signature packet after its ${count} entries`)
  }
  if (signature > LIMITS.signature) throw new MailsealError('bad-data', `${label} has a signature that is too long`)
  if (rest < signature) throw new MailsealError('bad-data', `${label} is cut off in its signature`)
  if (rest > signature) throw new MailsealError('bad-data', `${label} has something after its signature`)
}

function assertEntries(view: DataView, { count, thisUpdate }: CrlHeader, label: string): void {
  const day = dayOf(thisUpdate)
  let previousHigh = 0
  let previousLow = 0
  for (let i = 0; i < count; i++) {
    const offset = HEADER_SIZE + ENTRY_SIZE * i
    const high = view.getUint32(offset)
    const low = view.getUint32(offset + 4)
    const last = view.getUint32(offset + 12)
    if (high < previousHigh || (high === previousHigh && low <= previousLow)) throw badOrder(view, i, label)
    if (reasonIn(last) >= REVOCATION_REASONS.length) throw badEntry(i, label, 'has an unknown reason')
    if ((last & 0xff) !== 0) throw badEntry(i, label, 'has a reserved byte that is not zero')
    if (expiryDayIn(last) < day) throw badEntry(i, label, 'belongs to a certificate that had expired')
    previousHigh = high
    previousLow = low
  }
}

function badOrder(view: DataView, index: number, label: string): MailsealError {
  const offset = HEADER_SIZE + ENTRY_SIZE * index
  if (view.getBigUint64(offset) === 0n) return badEntry(index, label, 'has serial number 0')
  const again = view.getBigUint64(offset) === view.getBigUint64(offset - ENTRY_SIZE)
  return badEntry(index, label, again ? 'has the serial number of the one before' : 'is out of order')
}

function badEntry(index: number, label: string, fault: string): MailsealError {
  return new MailsealError('bad-data', `entry ${index + 1} of ${label} ${fault}`)
}

function* eachEntry(view: DataView): Generator<CrlEntry, void, undefined> {
  for (let offset = HEADER_SIZE; offset < view.byteLength; offset += ENTRY_SIZE) {
    yield readEntry(view, offset) as CrlEntry
  }
}
