import { asText, utf8 } from '@mailseal/common'

/** One vector file: `key: value` lines, a blank line, and a body in one of two forms (docs/spec/README.md, "Vectors"). */
export interface Vector {
  readonly headers: ReadonlyMap<string, string>
  readonly body: Uint8Array<ArrayBuffer>
}

/** How a body stands in its file: as it is, or in base64 because it is no text. */
export type BodyForm = 'text' | 'base64'

const HEADER = /^([a-z][a-z0-9-]*): (\S(?:.*\S)?)$/
const LINE = 76

/** Reads a vector file; anything but the form that {@link writeVector} writes is an error. */
export function readVector(text: string): Vector {
  const end = text.indexOf('\n\n')
  if (end < 0 || !text.endsWith('\n')) throw new Error('a vector is headers, a blank line and a body')
  const headers = new Map<string, string>()
  for (const line of text.slice(0, end).split('\n')) {
    const [, key, value] = HEADER.exec(line) ?? []
    if (key === undefined || value === undefined) throw new Error(`this is no header: ${line}`)
    if (headers.has(key)) throw new Error(`header "${key}" stands twice`)
    headers.set(key, value)
  }
  return { headers, body: readBody(headers.get('body'), text.slice(end + 2, -1)) }
}

function readBody(form: string | undefined, written: string): Uint8Array<ArrayBuffer> {
  if (form === 'text') return utf8(written)
  if (form !== 'base64') throw new Error('header "body" is text or base64')
  const body = new Uint8Array(Buffer.from(written, 'base64'))
  if (writeBody('base64', body) !== written) throw new Error('the body is not base64')
  return body
}

function writeBody(form: BodyForm, body: Uint8Array): string {
  if (form === 'text') return asText(body, 'the body')
  const base64 = Buffer.from(body).toString('base64')
  return (base64.match(new RegExp(`.{1,${LINE}}`, 'g')) ?? []).join('\n')
}

/** Writes a vector file. */
export function writeVector(headers: ReadonlyMap<string, string>, form: BodyForm, body: Uint8Array): string {
  const lines = [...headers, ['body', form] as const].map(([key, value]) => `${key}: ${value}\n`)
  const text = `${lines.join('')}\n${writeBody(form, body)}\n`
  readVector(text)
  return text
}
