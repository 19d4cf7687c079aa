import { MailsealError } from '../errors.ts'
import {
  type CrlEntry,
  type CrlHeader,
  ENTRY_SIZE,
  HEADER_SIZE,
  readEntry,
  readHeader,
  SIGNATURE_START,
  signatureOffset,
  viewOf,
  writeSerial,
} from './format.ts'
import { assertExtent } from './parse.ts'

/** A stored list that is read in place, as with `fs.readSync` at a position. */
export interface CrlSource {
  /** Bytes of the whole file. */
  readonly size: number
  /** Exactly `length` bytes from `offset` on; fewer only if the file has become shorter. */
  read(offset: number, length: number): Uint8Array
}

const LABEL = 'the revocation list'

/** Entries that are read at once when the search has come down to so few; saves four reads for 240 bytes. */
const BLOCK = 16

/**
 * Reads the header of a stored list, which {@link checkCrl} passed when it came.
 *
 * @throws {@link MailsealError} `bad-data` if it is garbled, or if the file's size is not what header and signature say.
 */
export function readCrlHeader(source: CrlSource): CrlHeader {
  if (source.size < HEADER_SIZE) throw new MailsealError('bad-data', `${LABEL} is shorter than its header`)
  const header = readHeader(readExactly(source, 0, HEADER_SIZE), LABEL)
  const end = signatureOffset(header.count)
  const start = Math.max(0, Math.min(SIGNATURE_START, source.size - end))
  assertExtent(source.size, header.count, readExactly(source, end, start), LABEL)
  return header
}

/**
 * Looks a serial number up in a stored list, which {@link checkCrl} passed when it came. Reads at most 707 bytes in
 * 23 pieces, and that only of the largest list.
 *
 * @param serial - 16 lower-case hex digits.
 * @returns The entry, or null if the serial number is not revoked.
 * @throws {@link MailsealError} `bad-data` if what was read is garbled; TypeError if `serial` is no serial number.
 */
export function lookupCrl(source: CrlSource, serial: string): CrlEntry | null {
  const wanted = asNumber(serial)
  const { count } = readCrlHeader(source)
  let [from, to] = [0, count]
  let [below, above] = [0n, 2n ** 64n]
  while (to - from > BLOCK) {
    const middle = (from + to) >>> 1
    const entry = entriesAt(source, middle, 1)
    const found = entry.getBigUint64(0)
    assertBetween(below, found, above)
    if (found === wanted) return asEntry(entry, 0)
    if (found < wanted) [from, below] = [middle + 1, found]
    else [to, above] = [middle, found]
  }
  const block = entriesAt(source, from, to - from)
  for (let offset = 0; offset < block.byteLength; offset += ENTRY_SIZE) {
    const found = block.getBigUint64(offset)
    assertBetween(below, found, above)
    if (found === wanted) return asEntry(block, offset)
    below = found
  }
  return null
}

function asNumber(serial: string): bigint {
  const view = new DataView(new ArrayBuffer(8))
  writeSerial(view, 0, serial)
  return view.getBigUint64(0)
}

/** Notices pages that a crash left zero, or parts of another file, where a search would go astray. */
function assertBetween(below: bigint, found: bigint, above: bigint): void {
  if (found <= below || found >= above) throw new MailsealError('bad-data', `${LABEL} is out of order`)
}

function entriesAt(source: CrlSource, index: number, count: number): DataView {
  return viewOf(readExactly(source, HEADER_SIZE + ENTRY_SIZE * index, ENTRY_SIZE * count))
}

function asEntry(view: DataView, offset: number): CrlEntry {
  const entry = readEntry(view, offset)
  if (entry === null) throw new MailsealError('bad-data', `${LABEL} has a garbled entry`)
  return entry
}

function readExactly(source: CrlSource, offset: number, length: number): Uint8Array {
  const bytes = source.read(offset, length)
  if (bytes.length !== length) throw new MailsealError('bad-data', `${LABEL} is cut off`)
  return bytes
}
