import { Buffer } from 'node:buffer'
import { LIMITS } from '../limits.ts'
import { decodeCharset } from './charset.ts'
import type { RawHeaders } from './headers.ts'
import { Scanner } from './scanner.ts'

/** What a part says it is. Attacker-controlled. */
export interface ContentType {
  /** `type/subtype`, lower case. */
  readonly type: string
  /** Names in lower case; a parameter given twice with different values is not there at all. */
  readonly parameters: ReadonlyMap<string, string>
}

/** What can't be understood in one way only is read as bytes without meaning. */
const OPAQUE: ContentType = { type: 'application/octet-stream', parameters: new Map() }

/**
 * The type of a part (RFC 2045, section 5). A part that says nothing has the default type; one that says it twice or
 * in a form that isn't one is `application/octet-stream`, so that two programs can't read it differently.
 */
export function contentTypeOf(headers: RawHeaders, defaultType: string): ContentType {
  const fields = headers.fields('content-type')
  if (fields.length > 1) return OPAQUE
  const value = fields[0]?.value
  return value === undefined ? { type: defaultType, parameters: new Map() } : (parseContentType(value) ?? OPAQUE)
}

/** The boundary of a multipart; null for another type, or if it has none that can be looked for. */
export function boundaryOf({ type, parameters }: ContentType): string | null {
  const boundary = parameters.get('boundary') ?? ''
  if (!type.startsWith('multipart/') || boundary === '' || boundary.length > LIMITS.mimeBoundary) return null
  return /^[\x20-\x7e]*[\x21-\x7e]$/.test(boundary) ? boundary : null
}

/** Reads the value of a Content-Type field, RFC 2231 parameters included; null if it has no `type/subtype`. */
export function parseContentType(value: string): ContentType | null {
  const scanner = new Scanner(value)
  scanner.skipBlanks()
  const main = scanner.until('/;( \t')
  scanner.skipBlanks()
  if (!scanner.take('/')) return null
  scanner.skipBlanks()
  const sub = scanner.until('/;( \t')
  if (main === '' || sub === '') return null
  return { type: `${main}/${sub}`.toLowerCase(), parameters: readParameters(scanner) }
}

function readParameters(scanner: Scanner): Map<string, string> {
  const parameters = new UniqueValues()
  const segments = new Map<string, Map<number, Segment>>()
  while (scanner.next !== '') {
    scanner.skipBlanks()
    scanner.until(';')
    scanner.take(';')
    scanner.skipBlanks()
    const name = scanner.until('=;( \t').toLowerCase()
    scanner.skipBlanks()
    if (name === '' || !scanner.take('=')) continue
    scanner.skipBlanks()
    const text = scanner.next === '"' ? scanner.quotedString() : scanner.until('; \t')
    if (text === null) continue
    const [base = '', ...suffixes] = name.split('*', 4)
    if (suffixes.length === 0) parameters.set(name, text)
    else addSegment(segments, base, suffixes, text)
  }
  for (const [name, ofName] of segments) parameters.set(name, joinSegments(ofName))
  return parameters.values()
}

/** One piece of a parameter that is cut or percent-encoded (RFC 2231): `name*=`, `name*1=`, `name*1*=`. */
interface Segment {
  readonly text: string
  readonly encoded: boolean
}

function addSegment(segments: Map<string, Map<number, Segment>>, base: string, suffixes: string[], text: string): void {
  const numbered = /^\d{1,4}$/.test(suffixes[0] ?? '')
  const index = numbered ? Number(suffixes[0]) : 0
  const encoded = suffixes.at(-1) === ''
  const ofName = segments.get(base) ?? new Map<number, Segment>()
  if (!ofName.has(index)) ofName.set(index, { text, encoded })
  segments.set(base, ofName)
}

function joinSegments(segments: ReadonlyMap<number, Segment>): string {
  const first = segments.get(0)
  const [charset = '', , ...rest] = first?.encoded ? first.text.split("'") : []
  const bytes: Buffer[] = []
  for (let i = 0; ; i++) {
    const segment = segments.get(i)
    if (segment === undefined) break
    const text = i === 0 && segment.encoded ? rest.join("'") : segment.text
    bytes.push(segment.encoded ? percentDecode(text) : Buffer.from(text))
  }
  const whole = Buffer.concat(bytes)
  return decodeCharset(whole, charset === '' ? 'utf-8' : charset) ?? whole.toString('latin1')
}

function percentDecode(text: string): Buffer {
  return Buffer.concat(
    text.split('%').map((piece, i) => {
      if (i === 0) return Buffer.from(piece)
      if (!/^[\da-f]{2}/i.test(piece)) return Buffer.from(`%${piece}`)
      return Buffer.concat([Buffer.from(piece.slice(0, 2), 'hex'), Buffer.from(piece.slice(2))])
    }),
  )
}

/** A map in which two different values of a name cancel each other. */
class UniqueValues {
  readonly #values = new Map<string, string>()
  readonly #conflicting = new Set<string>()

  set(name: string, value: string): void {
    if ((this.#values.get(name) ?? value) !== value) this.#conflicting.add(name)
    this.#values.set(name, value)
  }

  values(): Map<string, string> {
    return new Map([...this.#values].filter(([name]) => !this.#conflicting.has(name)))
  }
}
