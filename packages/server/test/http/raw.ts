import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { ADMINISTRATOR, newId } from '../organization.ts'

export interface RawAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  /** The error's code, if the body is an error. */
  readonly code: string | undefined
  readonly message: string | undefined
}

/** A request without our client: any method, any header, any body, in chunks if it is several. */
export function raw(
  url: string,
  options: { method?: string; headers?: Record<string, string>; body?: string | Buffer | Buffer[]; ca?: Buffer } = {},
): Promise<RawAnswer> {
  const { method = 'GET', headers = {}, body, ca } = options
  const send = url.startsWith('https:') ? httpsRequest : httpRequest
  const { promise, resolve, reject } = Promise.withResolvers<RawAnswer>()
  const request = send(url, { method, headers, agent: false, ...(ca === undefined ? {} : { ca }) }, (response) => {
    const chunks: Buffer[] = []
    response.on('data', (chunk: Buffer) => chunks.push(chunk))
    response.on('error', reject)
    response.on('end', () => {
      const whole = Buffer.concat(chunks)
      const { error } = response.headers['content-type']?.startsWith('application/json')
        ? JSON.parse(whole.toString())
        : {}
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        body: whole,
        code: error?.code,
        message: error?.message,
      })
    })
  })
  request.on('error', reject)
  for (const chunk of Array.isArray(body) ? body : []) request.write(chunk)
  request.end(Array.isArray(body) ? undefined : body)
  return promise
}

export const JSON_TYPE = { 'content-type': 'application/json' }

/** A task with right credentials, as JSON. */
export const listBody = () => JSON.stringify({ requestId: newId(), credentials: [ADMINISTRATOR], parameters: {} })
