import * as v from 'valibot'
import { asText } from '../encoding.ts'
import { isErrorCode, MailsealError } from '../errors.ts'
import { LIMITS } from '../limits.ts'
import { validate } from '../schema.ts'
import { type ErrorBody, errorAnswerSchema } from './tasks.ts'

/** The network, passed in. */
export type Fetch = typeof globalThis.fetch

export interface RpcClientOptions {
  /** The KM server's URL. */
  readonly server: string
  readonly fetch: Fetch
  /** One deadline for each call, milliseconds. */
  readonly timeout: number
}

/** Binary answer of a GET. */
export interface BinaryAnswer {
  readonly bytes: Uint8Array
  readonly etag: string | null
}

/** Speaks the KM server's HTTP interface. */
export interface RpcClient {
  readonly server: URL
  /**
   * Posts JSON and reads a JSON answer.
   *
   * @throws {@link MailsealError} the server's own error; `server-unreachable`; `bad-data` for an answer that is none.
   */
  post<S extends v.GenericSchema>(path: string, body: unknown, answer: S): Promise<v.InferOutput<S>>
  /** Gets JSON. */
  getJson<S extends v.GenericSchema>(path: string, answer: S, token?: string): Promise<v.InferOutput<S>>
  /**
   * Gets bytes.
   *
   * @param etag - What is held already.
   * @returns null if what is held is current.
   */
  getBytes(path: string, limit: number, etag?: string): Promise<BinaryAnswer | null>
}

/**
 * Reads a server's URL as people type it.
 *
 * @throws {@link MailsealError} `usage`.
 */
export function asServerUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null
  if (
    url === null ||
    (url.protocol !== 'http:' && url.protocol !== 'https:') ||
    url.username !== '' ||
    url.password !== ''
  ) {
    throw new MailsealError('usage', 'this is no address of a KM server', {
      hint: 'it looks like https://mailseal.example.org or http://127.0.0.1:8650',
    })
  }
  return url
}

/** Whether a URL names this machine itself, by number or as `localhost`. */
export function isLoopback(url: URL): boolean {
  return url.hostname === 'localhost' || url.hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(url.hostname)
}

export function createRpcClient(options: RpcClientOptions): RpcClient {
  const server = asServerUrl(options.server)
  const base = server.pathname.endsWith('/') ? server.href.slice(0, -1) : server.href

  const request = async (
    path: string,
    init: RequestInit,
    limit: number,
  ): Promise<{ response: Response; body: Uint8Array }> => {
    const signal = AbortSignal.timeout(options.timeout)
    try {
      // A redirect could lead credentials anywhere.
      const response = await options.fetch(base + path, { ...init, signal, redirect: 'error' })
      return { response, body: await readBody(response, limit) }
    } catch (cause) {
      if (cause instanceof MailsealError) throw cause
      throw new MailsealError('server-unreachable', `the KM server at ${server.origin} does not answer`, { cause })
    }
  }

  const json = async <S extends v.GenericSchema>(
    path: string,
    init: RequestInit,
    answer: S,
  ): Promise<v.InferOutput<S>> => {
    const { response, body } = await request(path, init, LIMITS.responseBody)
    const value = parseJson(body)
    if (!response.ok) throw errorOf(response, value)
    return validate(answer, value, 'the answer of the KM server')
  }

  return {
    server,
    post: (path, body, answer) =>
      json(
        path,
        { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) },
        answer,
      ),
    getJson: (path, answer, token) =>
      json(path, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }, answer),
    getBytes: async (path, limit, etag) => {
      const init = etag === undefined ? {} : { headers: { 'if-none-match': etag } }
      const { response, body } = await request(path, init, limit)
      if (response.status === 304) return null
      if (!response.ok) throw errorOf(response, parseJson(body))
      return { bytes: body, etag: response.headers.get('etag') }
    },
  }
}

/** Reads a body up to a limit, whatever its length header claims. */
async function readBody(response: Response, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response.body ?? []) {
    length += chunk.length
    if (length > limit)
      throw new MailsealError('too-large', `the answer of the KM server is larger than ${limit} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(asText(body, 'the answer'))
  } catch {
    return undefined
  }
}

/** The server's error, as far as what came is one. */
function errorOf(response: Response, value: unknown): MailsealError {
  const answer = v.safeParse(errorAnswerSchema, value)
  if (!answer.success) {
    return new MailsealError(
      'server-unreachable',
      `something that is no KM server answered with status ${response.status}`,
    )
  }
  return readErrorBody(answer.output.error)
}

/** A failure that travelled, as an error again; a code that is not known here becomes `internal-error`. */
export function readErrorBody({ code, message, hint }: ErrorBody): MailsealError {
  return new MailsealError(isErrorCode(code) ? code : 'internal-error', message, { hint })
}
