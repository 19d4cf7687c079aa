import { formatTime } from '../clock.ts'
import { concat } from '../encoding.ts'
import { MailsealError } from '../errors.ts'
import { LIMITS, SPANS } from '../limits.ts'
import {
  type CrlEntry,
  type CrlHeader,
  compareSerials,
  dayOf,
  ENTRY_SIZE,
  encodeHeader,
  headerFault,
  REVOCATION_REASONS,
  SIGNATURE_START,
  signatureSize,
  writeSerial,
} from './format.ts'

/** What a list is made of: the header's fields, and entries in any order, those of expired certificates as well. */
export interface CrlContent extends Omit<CrlHeader, 'count'> {
  readonly entries: readonly CrlEntry[]
}

/** Makes the CA's detached OpenPGP signature over the given bytes, dated `thisUpdate`: one binary packet. */
export type SignCrl = (bytes: Uint8Array<ArrayBuffer>) => Promise<Uint8Array>

const REASON_CODES = new Map<string, number>(REVOCATION_REASONS.map((reason, code) => [reason, code]))
const DIGIT_VALUES = 2 ** 16

/**
 * Writes the one canonical form of a revocation list and has it signed. Entries whose certificate expired before the
 * day of `thisUpdate` are left out, and no others. Linear in the number of entries, whatever their order.
 *
 * @throws TypeError for a field out of its range, a serial number given twice, or a signature that is not one packet.
 * @see docs/spec/crl.md
 */
export async function encodeCrl({ entries, ...fields }: CrlContent, sign: SignCrl): Promise<Uint8Array<ArrayBuffer>> {
  const listed = inOrder(writeEntries(entries, dayOf(fields.thisUpdate)))
  const header = { ...fields, count: listed.byteLength / ENTRY_SIZE }
  const fault = headerFault(header)
  if (fault !== undefined) throw new TypeError(`the revocation list ${fault}`)
  const body = concat(encodeHeader(header), new Uint8Array(listed.buffer, 0, listed.byteLength))
  const signature = await sign(body)
  if (
    signatureSize(signature.subarray(0, SIGNATURE_START)) !== signature.length ||
    signature.length > LIMITS.signature
  ) {
    throw new TypeError("a revocation list's signature is one binary signature packet")
  }
  return concat(body, signature)
}

/**
 * The number of the next list: the time, or one more than the last list's where lists came faster or the clock was
 * set back.
 *
 * @param previous - The last list's number, if there was one.
 * @param now - Unix seconds.
 * @throws {@link MailsealError} `clock-wrong` if the number would be more than 24 hours ahead of the clock.
 */
export function nextCrlNumber(previous: number | undefined, now: number): number {
  const number = Math.max(previous === undefined ? 0 : previous + 1, now)
  if (!Number.isSafeInteger(number)) throw new TypeError('list numbers and times are whole numbers')
  if (number > now + SPANS.crlNumberLead) {
    throw new MailsealError('clock-wrong', 'the last revocation list is more than 24 hours ahead of the clock', {
      hint: `set the clock if it is behind; if it was ahead before, lists go on at ${formatTime(number - SPANS.crlNumberLead)}`,
    })
  }
  return number
}

/** Writes the entries whose certificates have not expired before `day`, in the order given. */
function writeEntries(entries: readonly CrlEntry[], day: number): DataView<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(ENTRY_SIZE * entries.length))
  let end = 0
  for (const entry of entries) {
    writeEntry(view, end, entry)
    if (entry.expiryDay >= day) end += ENTRY_SIZE
  }
  return new DataView(view.buffer, 0, end)
}

function writeEntry(view: DataView, offset: number, { serial, revokedAt, expiryDay, reason }: CrlEntry): void {
  const code = REASON_CODES.get(reason)
  if (code === undefined) throw new TypeError('a revocation has one of the five reasons')
  if (revokedAt !== revokedAt >>> 0) throw new TypeError('a time of revocation is Unix seconds in 32 bits')
  if (expiryDay !== (expiryDay & 0xffff)) throw new TypeError('an expiry day is days since 1970 in 16 bits')
  writeSerial(view, offset, serial)
  view.setUint32(offset + 8, revokedAt)
  view.setUint32(offset + 12, ((expiryDay << 16) | (code << 8)) >>> 0)
}

/** The entries by serial number; those that are in order already, as a store gives them, are not sorted again. */
function inOrder(entries: DataView<ArrayBuffer>): DataView<ArrayBuffer> {
  return isAscending(entries) ? entries : sorted(entries)
}

function isAscending(entries: DataView): boolean {
  for (let offset = ENTRY_SIZE; offset < entries.byteLength; offset += ENTRY_SIZE) {
    if (compareSerials(entries, offset - ENTRY_SIZE, entries, offset) >= 0) return false
  }
  return true
}

function sorted(entries: DataView): DataView<ArrayBuffer> {
  const result = new DataView(new ArrayBuffer(entries.byteLength))
  let end = 0
  for (const place of sortedOrder(entries)) {
    for (let word = 0; word < ENTRY_SIZE; word += 4) {
      result.setUint32(end + word, entries.getUint32(ENTRY_SIZE * place + word))
    }
    end += ENTRY_SIZE
  }
  if (!isAscending(result)) throw new TypeError('a serial number stands twice in a revocation list')
  return result
}

/** Radix sort over the serial numbers' four 16-bit digits, the last first: a million in the time of a few passes. */
function sortedOrder(entries: DataView): Uint32Array {
  let order = new Uint32Array(entries.byteLength / ENTRY_SIZE).map((_, place) => place)
  let next = new Uint32Array(order.length)
  for (const digit of [6, 4, 2, 0]) {
    const starts = digitStarts(entries, digit)
    for (const place of order) {
      const value = entries.getUint16(ENTRY_SIZE * place + digit)
      const target = starts[value] as number
      next[target] = place
      starts[value] = target + 1
    }
    ;[order, next] = [next, order]
  }
  return order
}

/** For each value of a digit, how many entries have a smaller one. */
function digitStarts(entries: DataView, digit: number): Uint32Array {
  const starts = new Uint32Array(DIGIT_VALUES + 1)
  for (let offset = digit; offset < entries.byteLength; offset += ENTRY_SIZE) {
    ;(starts[entries.getUint16(offset) + 1] as number)++
  }
  for (let value = 0; value < DIGIT_VALUES; value++) {
    starts[value + 1] = (starts[value + 1] as number) + (starts[value] as number)
  }
  return starts
}
