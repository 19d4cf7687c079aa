import {
  type CanonicalValue,
  canonicalJson,
  type ErrorCode,
  fromBase64url,
  fromHex,
  MailsealError,
  toBase64url,
} from '@mailseal/common'
import type { BodyForm, Vector } from './vector.ts'

/** What an implementation made of a vector's content, to be compared with what the file says. */
export interface Made {
  readonly body?: Uint8Array
  readonly headers?: Readonly<Record<string, string>>
}

/** How the vectors of one format are read and driven. A header that is in none of the three lists is an error. */
export interface Format {
  /** The folder of `test/vectors/`. */
  readonly name: string
  /** What the implementation is given beside the body; in every vector. */
  readonly inputs: readonly string[]
  /** What it finds; in every accepted vector. */
  readonly results: readonly string[]
  /** What only the maker knows, secrets for the most part; in accepted vectors that are made again. */
  readonly makings: readonly string[]
  /** Decodes and checks as a receiver does, and throws as it does. */
  read(given: Given): Promise<Record<string, string>>
  /** Makes the same again from results and makings. */
  write(given: Given): Promise<Made>
}

/** A vector file to be: the rest of its headers is found by driving the implementation. */
export interface Draft {
  /** File name without extension: what is special in it. */
  readonly name: string
  /** One sentence on it. */
  readonly about: string
  /** Inputs; and makings where it has to be accepted. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  readonly form?: BodyForm
  /** The code that refuses it; without, it has to be accepted. */
  readonly expect?: ErrorCode
}

/** What a vector gives, by the types that values have. */
export class Given {
  readonly body: Uint8Array<ArrayBuffer>
  readonly #headers: ReadonlyMap<string, string>

  constructor({ headers, body }: Vector) {
    this.#headers = headers
    this.body = body
  }

  has(key: string): boolean {
    return this.#headers.has(key)
  }

  text(key: string): string {
    const value = this.#headers.get(key)
    if (value === undefined) throw new Error(`header "${key}" is missing`)
    return value
  }

  number(key: string): number {
    return Number(this.text(key))
  }

  list(key: string): string[] {
    return this.text(key).split(',')
  }

  /** Base64url. */
  bytes(key: string): Uint8Array<ArrayBuffer> {
    return fromBase64url(this.text(key), key)
  }

  /** The same, or null for the word `none`. */
  bytesOrNone(key: string): Uint8Array<ArrayBuffer> | null {
    return this.text(key) === 'none' ? null : this.bytes(key)
  }

  hex(key: string): Uint8Array<ArrayBuffer> {
    return fromHex(this.text(key), key)
  }

  json<T>(key: string): T {
    return JSON.parse(this.text(key)) as T
  }
}

/** A value as it stands in a header or in one of our formats: canonical JSON, bytes in base64url. */
export function asJson(value: unknown): string {
  return new TextDecoder().decode(canonicalJson(withoutBytes(value)))
}

function withoutBytes(value: unknown): CanonicalValue {
  if (value instanceof Uint8Array) return toBase64url(value)
  if (Array.isArray(value)) return value.map(withoutBytes)
  if (typeof value !== 'object' || value === null) return value as CanonicalValue
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, withoutBytes(member)]))
}

/** Base64url, or the word `none`. */
export function orNone(bytes: Uint8Array | null): string {
  return bytes === null ? 'none' : toBase64url(bytes)
}

/** The code and message of what a reader refuses with; anything but a refusal of ours is thrown on. */
export async function refusalOf(work: () => Promise<unknown>): Promise<{ code: ErrorCode; message: string } | null> {
  try {
    await work()
    return null
  } catch (thrown) {
    if (!(thrown instanceof MailsealError)) throw thrown
    return { code: thrown.code, message: thrown.message }
  }
}
