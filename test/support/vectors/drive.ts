import { type Draft, type Format, Given, type Made, refusalOf } from './format.ts'
import { type BodyForm, readVector, writeVector } from './vector.ts'

const ACCEPTED = 'accepted'
const OF_ALL = ['about', 'expect', 'body']

/** A vector file as read, checked against its format's headers. */
export interface Exercise {
  readonly given: Given
  readonly isAccepted: boolean
  /** Code and message; of a refused one alone. */
  readonly refusal: { readonly code: string; readonly message: string } | null
}

/** Reads a vector of a format. An unknown or a missing header is an error. */
export function readExercise(format: Format, text: string): Exercise {
  const vector = readVector(text)
  const given = new Given(vector)
  const isAccepted = given.text('expect') === ACCEPTED
  const required = [...OF_ALL, ...format.inputs, ...(isAccepted ? format.results : ['message'])]
  const known = new Set([...required, ...(isAccepted ? format.makings : [])])
  for (const key of vector.headers.keys()) if (!known.has(key)) throw new Error(`header "${key}" is unknown`)
  for (const key of required) given.text(key)
  const refusal = isAccepted ? null : { code: given.text('expect'), message: given.text('message') }
  return { given, isAccepted, refusal }
}

/** What the implementation makes of an accepted vector that differs from what the file says; null for no difference. */
export async function differenceOf(format: Format, given: Given): Promise<string | null> {
  const found = await format.read(given)
  const made = isMadeAgain(format, given) ? await format.write(given) : {}
  for (const [key, value] of [...Object.entries(found), ...Object.entries(made.headers ?? {})]) {
    if (given.text(key) !== value) return `${key} is ${value}`
  }
  return isSameBody(made, given) ? null : `the body is ${Buffer.from(made.body ?? []).toString('base64')}`
}

/** Without the makings, as where no maker of ours makes it, an accepted vector is read alone. */
function isMadeAgain(format: Format, given: Given): boolean {
  return format.makings.every((key) => given.has(key))
}

function isSameBody({ body }: Made, given: Given): boolean {
  return body === undefined || Buffer.from(body).equals(given.body)
}

/**
 * Writes a vector file of a draft: what the draft leaves open is what the implementation finds today. Look at it before
 * it is committed; from then on it is the contract.
 */
export async function completeDraft(format: Format, draft: Draft): Promise<string> {
  const headers = new Map([['about', draft.about]])
  const given = new Given({ headers: new Map(Object.entries(draft.headers)), body: new Uint8Array(draft.body) })
  const refusal = await refusalOf(() => format.read(given))
  if (refusal?.code !== draft.expect) {
    throw new Error(`${format.name}/${draft.name}: ${refusal === null ? 'accepted' : JSON.stringify(refusal)}`)
  }
  headers.set('expect', refusal?.code ?? ACCEPTED)
  if (refusal !== null) headers.set('message', refusal.message)
  const results = refusal === null ? await format.read(given) : {}
  const all = [...Object.entries(draft.headers), ...Object.entries(results)]
  for (const [key, value] of all) if (!headers.has(key)) headers.set(key, value)
  const text = writeVector(headers, draft.form ?? formOf(draft.body), draft.body)
  await assertHolds(format, draft, text)
  return text
}

async function assertHolds(format: Format, draft: Draft, text: string): Promise<void> {
  const { given, isAccepted } = readExercise(format, text)
  const difference = isAccepted ? await differenceOf(format, given) : null
  if (difference !== null) throw new Error(`${format.name}/${draft.name}: ${difference}`)
}

/** Printable ASCII and line ends stand as they are. */
function formOf(body: Uint8Array): BodyForm {
  return body.every((byte) => byte === 10 || (byte >= 32 && byte < 127)) ? 'text' : 'base64'
}
