import { asText, equalBytes, utf8 } from './encoding.ts'
import { MailsealError } from './errors.ts'

/** What our signed and hashed formats may hold: no null, no fractions, no negative numbers. */
export type CanonicalValue =
  | string
  | number
  | boolean
  | readonly CanonicalValue[]
  | { readonly [key: string]: CanonicalValue }

/** How deep our formats nest; anything deeper is hostile. */
const MAX_DEPTH = 16

function write(value: CanonicalValue, depth: number): string {
  if (depth > MAX_DEPTH) throw new TypeError('canonical JSON nests too deep')
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw new TypeError('canonical JSON holds no lone surrogates')
    return JSON.stringify(value)
  }
  if (typeof value === 'boolean') return String(value)
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value) || value < 0 || Object.is(value, -0)) {
      throw new TypeError('canonical JSON holds non-negative safe integers only')
    }
    return String(value)
  }
  if (Array.isArray(value)) return `[${value.map((item) => write(item, depth + 1)).join(',')}]`
  if (typeof value !== 'object' || value === null) throw new TypeError('canonical JSON holds plain values only')
  // Array.prototype.sort compares UTF-16 code units, as RFC 8785, section 3.2.3 demands.
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${members.map(([key, item]) => `${write(key, depth + 1)}:${write(item as CanonicalValue, depth + 1)}`).join(',')}}`
}

/**
 * Writes the one canonical form of a value: RFC 8785, restricted to strings, non-negative safe integers, booleans,
 * arrays and objects.
 *
 * @throws TypeError for any other value: that is a mistake of the caller, never of outside input.
 */
export function canonicalJson(value: CanonicalValue): Uint8Array<ArrayBuffer> {
  return utf8(write(value, 0))
}

/**
 * Reads canonical JSON and refuses every other form, so that bytes and value stand for each other.
 *
 * @param bytes - Attacker-controlled; the caller has bounded its length.
 * @throws {@link MailsealError} `bad-data`.
 */
export function parseCanonicalJson(bytes: Uint8Array, label: string): CanonicalValue {
  const text = asText(bytes, label)
  let value: CanonicalValue
  let again: Uint8Array
  try {
    value = JSON.parse(text) as CanonicalValue
    again = canonicalJson(value)
  } catch (cause) {
    throw new MailsealError('bad-data', `${label} is not canonical JSON`, { cause })
  }
  if (!equalBytes(again, bytes)) throw new MailsealError('bad-data', `${label} is not canonical JSON`)
  return value
}
