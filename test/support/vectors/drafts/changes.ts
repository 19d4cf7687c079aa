import { utf8 } from '@mailseal/common'

/** What JSON can hold, also what canonical JSON cannot. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }
export type JsonObject = { readonly [key: string]: Json }

/** One wrong thing: what is wrong in words for a file's name, and the object that has it. */
export type Change = readonly [what: string, changed: JsonObject]

/** Members in canonical order, whatever values they have. */
export function sortedJson(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(sortedJson).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${sortedJson(member)}`).join(',')}}`
}

export const sortedBytes = (value: Json) => utf8(sortedJson(value))

/** An object that lacks each of its members in turn, and one with a member more. */
export function withoutEach(object: JsonObject): Change[] {
  const lacking = Object.keys(object).map((key): Change => {
    const { [key]: _, ...rest } = object
    return [`without ${key}`, rest]
  })
  return [...lacking, ['with a member more', { ...object, zzz: 1 }]]
}

/** An object with each of these values in its place. */
export function withEach(
  object: JsonObject,
  values: Readonly<Record<string, readonly (readonly [string, Json])[]>>,
): Change[] {
  return Object.entries(values).flatMap(([key, wrong]) =>
    wrong.map(([what, value]): Change => [`${key} ${what}`, { ...object, [key]: value }]),
  )
}

/** The same content in forms that are not the canonical one. `text` is canonical and begins with a string member. */
export function otherForms(text: string): [what: string, bytes: Uint8Array][] {
  const [, first = ''] = /^\{"(\w+)":/.exec(text) ?? []
  const escaped = text.replace(
    `"${first}"`,
    `"\\u${first.charCodeAt(0).toString(16).padStart(4, '0')}${first.slice(1)}"`,
  )
  const members = Object.entries(JSON.parse(text) as JsonObject)
  const reversed = JSON.stringify(Object.fromEntries(members.reverse()))
  return [
    ['with blanks', utf8(JSON.stringify(JSON.parse(text), null, 1))],
    ['with a line end', utf8(`${text}\n`)],
    ['with a byte order mark', utf8(`\uFEFF${text}`)],
    ['with members in another order', utf8(reversed)],
    ['with an escaped letter', utf8(escaped)],
    ['with a member twice', utf8(text.replace(/^\{("\w+":(?:"[^"]*"|\{.*?\})),/, '{$1,$1,'))],
    ['with a number written as fraction', utf8(text.replace(/:(\d+)([,}])/, ':$1.0$2'))],
    ['with a number with exponent', utf8(text.replace(/:(\d+)([,}])/, ':$1e0$2'))],
    ['that is not UTF-8', Uint8Array.of(...utf8(text).subarray(0, 2), 0xff, ...utf8(text).subarray(3))],
    ['cut off', utf8(text.slice(0, -1))],
    ['that is empty', new Uint8Array()],
  ]
}

/** The same bytes with one bit changed at each of these places; counted from the end where negative. */
export function bitChanges(
  bytes: Uint8Array,
  places: Readonly<Record<string, number>>,
): [what: string, bytes: Uint8Array][] {
  return Object.entries(places).map(([what, place]) => {
    const changed = new Uint8Array(bytes)
    const at = place < 0 ? bytes.length + place : place
    changed[at] = (changed[at] as number) ^ 1
    return [what, changed]
  })
}

/** A file's name of some words. */
export const slug = (text: string) =>
  text
    .replace(/[^a-zA-Z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
    .toLowerCase()
