import { asText, concat, MailsealError } from '@mailseal/common'
import type { HttpContext, HttpRequest } from './context.ts'
import { assertOwnOrigin } from './transport.ts'

/**
 * Reads a JSON body: bounded before it is parsed, of the right type, from no foreign page.
 *
 * @param limit - Bytes.
 * @returns Attacker-controlled: for a schema to check.
 * @throws {@link MailsealError} `refused-by-policy`, `too-large` or `bad-data`.
 */
export async function readJson(c: HttpRequest, { transport }: HttpContext, limit: number): Promise<unknown> {
  assertOwnOrigin(c.env.incoming, transport)
  assertJsonType(c.req.header('content-type'))
  return parse(asText(await readBody(c.req.raw, limit), 'the request'))
}

function assertJsonType(contentType = ''): void {
  const [type = ''] = contentType.split(';')
  if (type.trim().toLowerCase() === 'application/json') return
  throw new MailsealError('bad-data', 'the request is not application/json')
}

async function readBody(request: Request, limit: number): Promise<Uint8Array> {
  if (Number(request.headers.get('content-length')) > limit) throw tooLarge(limit)
  const chunks: Uint8Array[] = []
  let length = 0
  try {
    for await (const chunk of request.body ?? []) {
      length += chunk.length
      if (length > limit) throw tooLarge(limit)
      chunks.push(chunk)
    }
  } catch (cause) {
    if (cause instanceof MailsealError) throw cause
    // Nobody reads the answer; this only keeps it from being taken for an error of the server.
    throw new MailsealError('bad-data', 'the request is cut off', { cause })
  }
  return concat(...chunks)
}

function tooLarge(limit: number): MailsealError {
  return new MailsealError('too-large', `the request is larger than ${limit} bytes`)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new MailsealError('bad-data', 'the request is not JSON', { cause })
  }
}
