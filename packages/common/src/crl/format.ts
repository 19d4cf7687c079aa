import { fromHex, toHex, utf8 } from '../encoding.ts'
import { MailsealError } from '../errors.ts'
import { LIMITS, SPANS } from '../limits.ts'

/** Bytes of a revocation list's header and of each entry (docs/spec/crl.md, "Layout"). */
export const HEADER_SIZE = 128
export const ENTRY_SIZE = 16

/** The first bytes of a signature packet that tell its length: type and at most two length octets. */
export const SIGNATURE_START = 3

const MAGIC = utf8('MSEALCRL')
const VERSION = 1
const HASH_SIZE = 32
const FINGERPRINT_SIZE = 20
/** Header offsets, in order. */
const AT = {
  version: 8,
  reserved: 10,
  count: 12,
  number: 16,
  thisUpdate: 24,
  nextUpdate: 32,
  journalIndex: 40,
  journalHead: 48,
  issuer: 80,
  padding: 100,
} as const

/** Why a serial number was revoked; the place in this list is its code in the file. */
export const REVOCATION_REASONS = ['unspecified', 'superseded', 'compromised', 'left', 'replaced'] as const
export type RevocationReason = (typeof REVOCATION_REASONS)[number]

export const REPLACED: number = REVOCATION_REASONS.indexOf('replaced')

/** What stands before the entries. Times are Unix seconds, UTC; all numbers are safe integers. */
export interface CrlHeader {
  /** Rises with every list; between `thisUpdate` and 24 hours more. */
  readonly number: number
  readonly thisUpdate: number
  /** The next list is out by then; at most 30 days after `thisUpdate`. */
  readonly nextUpdate: number
  readonly count: number
  /** How many entries the journal had when the list was made, and its head hash in lower-case hex. */
  readonly journal: { readonly index: number; readonly head: string }
  /** Fingerprint of the CA that signed, lower-case hex. */
  readonly issuer: string
}

/** One revoked serial number. */
export interface CrlEntry {
  /** 16 lower-case hex digits, never all zero. */
  readonly serial: string
  /** Unix seconds, 32 bits. */
  readonly revokedAt: number
  /** The day on which the certificate expires: {@link dayOf} its validTo. */
  readonly expiryDay: number
  readonly reason: RevocationReason
}

/** Days since 1970-01-01 UTC. */
export function dayOf(seconds: number): number {
  return Math.floor(seconds / SPANS.day)
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}

/** Numbers beyond 2^53 come out inexact, but never as safe integers. */
function readU64(view: DataView, offset: number): number {
  return view.getUint32(offset) * 2 ** 32 + view.getUint32(offset + 4)
}

function hexAt(bytes: Uint8Array, offset: number, size: number): string {
  return toHex(bytes.subarray(offset, offset + size))
}

/** What makes a header impossible, as the end of a sentence that begins with the list; undefined if nothing does. */
export function headerFault({ number, thisUpdate, nextUpdate, count, journal }: CrlHeader): string | undefined {
  const numbers = [number, thisUpdate, nextUpdate, journal.index]
  if (!numbers.every((value) => Number.isSafeInteger(value) && value >= 0)) {
    return 'has a number, time or journal index that is out of range'
  }
  if (count > LIMITS.crlEntries) return `has ${count} entries, more than ${LIMITS.crlEntries}`
  if (number < thisUpdate) return 'has a number below its own time'
  if (number > thisUpdate + SPANS.crlNumberLead) return 'has a number more than 24 hours ahead of its own time'
  if (nextUpdate <= thisUpdate) return 'has a next update that is not after its own time'
  if (nextUpdate > thisUpdate + SPANS.crlNextUpdateLongest)
    return 'has a next update more than 30 days after its own time'
  return undefined
}

/** Writes a header that {@link headerFault} found nothing wrong with. */
export function encodeHeader(header: CrlHeader): Uint8Array {
  const bytes = new Uint8Array(HEADER_SIZE)
  const view = viewOf(bytes)
  bytes.set(MAGIC)
  view.setUint16(AT.version, VERSION)
  view.setUint32(AT.count, header.count)
  view.setBigUint64(AT.number, BigInt(header.number))
  view.setBigUint64(AT.thisUpdate, BigInt(header.thisUpdate))
  view.setBigUint64(AT.nextUpdate, BigInt(header.nextUpdate))
  view.setBigUint64(AT.journalIndex, BigInt(header.journal.index))
  bytes.set(asFixedHex(header.journal.head, HASH_SIZE, 'journal head'), AT.journalHead)
  bytes.set(asFixedHex(header.issuer, FINGERPRINT_SIZE, 'issuer'), AT.issuer)
  return bytes
}

function asFixedHex(text: string, size: number, label: string): Uint8Array {
  if (!/^(?:[0-9a-f]{2})+$/.test(text) || text.length !== 2 * size) {
    throw new TypeError(`the ${label} is not ${size} bytes in lower-case hex`)
  }
  return fromHex(text, label)
}

/**
 * Reads and checks a header.
 *
 * @param bytes - The first 128 bytes; attacker-controlled.
 * @param label - What the list is called in messages.
 * @throws {@link MailsealError} `bad-data`.
 */
export function readHeader(bytes: Uint8Array, label: string): CrlHeader {
  if (hexAt(bytes, 0, MAGIC.length) !== toHex(MAGIC))
    throw new MailsealError('bad-data', `${label} is no revocation list`)
  const view = viewOf(bytes)
  const version = view.getUint16(AT.version)
  if (version !== VERSION) {
    throw new MailsealError('bad-data', `${label} has version ${version}, and only ${VERSION} is known`, {
      hint: 'install the current version of Mailseal',
    })
  }
  if (view.getUint16(AT.reserved) !== 0 || bytes.subarray(AT.padding, HEADER_SIZE).some((byte) => byte !== 0)) {
    throw new MailsealError('bad-data', `${label} has reserved bytes that are not zero`)
  }
  const header: CrlHeader = {
    number: readU64(view, AT.number),
    thisUpdate: readU64(view, AT.thisUpdate),
    nextUpdate: readU64(view, AT.nextUpdate),
    count: view.getUint32(AT.count),
    journal: { index: readU64(view, AT.journalIndex), head: hexAt(bytes, AT.journalHead, HASH_SIZE) },
    issuer: hexAt(bytes, AT.issuer, FINGERPRINT_SIZE),
  }
  const fault = headerFault(header)
  if (fault !== undefined) throw new MailsealError('bad-data', `${label} ${fault}`)
  return header
}

/** Where the entries end and the signature begins. */
export function signatureOffset(count: number): number {
  return HEADER_SIZE + ENTRY_SIZE * count
}

/**
 * Length of a signature packet with its header, as its first {@link SIGNATURE_START} bytes tell it; null for what is
 * not a signature packet with a one- or two-octet length.
 *
 * @see RFC 9580, sections 4.2.1 and 5.2
 */
export function signatureSize(start: Uint8Array): number | null {
  const [type, first, second] = start
  if (type !== 0xc2 || first === undefined || second === undefined || first >= 224) return null
  return first < 192 ? 2 + first : 3 + ((first - 192) << 8) + second + 192
}

/** The eight digits of a serial number from `from` on, as a number. */
function serialWord(serial: string, from: number): number {
  let word = 0
  for (let i = from; i < from + 8; i++) {
    const code = serial.charCodeAt(i)
    const digit = code >= 48 && code <= 57 ? code - 48 : code >= 97 && code <= 102 ? code - 87 : -1
    if (digit < 0) throw new TypeError('a serial number is 16 lower-case hex digits')
    word = (word << 4) | digit
  }
  return word >>> 0
}

/** Writes a serial number as eight bytes. @throws TypeError if it is none. */
export function writeSerial(view: DataView, offset: number, serial: string): void {
  if (serial.length !== 16) throw new TypeError('a serial number is 16 lower-case hex digits')
  const high = serialWord(serial, 0)
  const low = serialWord(serial, 8)
  if (high === 0 && low === 0) throw new TypeError('a serial number is never 0')
  view.setUint32(offset, high)
  view.setUint32(offset + 4, low)
}

export function readSerial(view: DataView, offset: number): string {
  const high = view.getUint32(offset).toString(16).padStart(8, '0')
  return (
    high +
    view
      .getUint32(offset + 4)
      .toString(16)
      .padStart(8, '0')
  )
}

/** Negative, zero or positive as the serial number at one place is below, equal to or above that at another. */
export function compareSerials(a: DataView, atA: number, b: DataView, atB: number): number {
  return a.getUint32(atA) - b.getUint32(atB) || a.getUint32(atA + 4) - b.getUint32(atB + 4)
}

/** The parts of an entry's last four bytes: expiry day, reason, zero. */
export const expiryDayIn = (last: number): number => last >>> 16
export const reasonIn = (last: number): number => (last >>> 8) & 0xff

/** The entry at `offset`; null if no list may have it. */
export function readEntry(view: DataView, offset: number): CrlEntry | null {
  const last = view.getUint32(offset + 12)
  const reason = REVOCATION_REASONS[reasonIn(last)]
  if (reason === undefined || (last & 0xff) !== 0) return null
  return {
    serial: readSerial(view, offset),
    revokedAt: view.getUint32(offset + 8),
    expiryDay: expiryDayIn(last),
    reason,
  }
}
