import * as v from 'valibot'
import { type CanonicalValue, canonicalJson, parseCanonicalJson } from './canonical-json.ts'
import { fromBase64url } from './encoding.ts'
import { MailsealError } from './errors.ts'

/** Building blocks of every schema: strict, bounded, one form each. */
export const base64url = (maxBytes: number) =>
  v.pipe(
    v.string(),
    v.maxLength(Math.ceil((maxBytes * 4) / 3)),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      try {
        return fromBase64url(dataset.value, 'value')
      } catch {
        addIssue({ message: 'is not base64url' })
        return NEVER
      }
    }),
  )
/** Base64url of exactly so many bytes. */
export const base64urlOf = (bytes: number) =>
  v.pipe(
    base64url(bytes),
    v.check((value) => value.length === bytes, `does not have ${bytes} bytes`),
  )
/** Lower-case hex of exactly so many digits. */
export const hex = (digits: number) =>
  v.pipe(v.string(), v.regex(new RegExp(`^[0-9a-f]{${digits}}$`), 'is not lower-case hex'))
/** Whole Unix seconds, or another count. */
export const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
export const text = (maxLength: number) => v.pipe(v.string(), v.maxLength(maxLength))
/** A mailbox's id. */
export const mailboxId = hex(32)

/**
 * Checks a value from outside against a schema.
 *
 * @throws {@link MailsealError} `bad-data`, naming the member that is wrong and never its value.
 */
export function validate<S extends v.GenericSchema>(schema: S, value: unknown, label: string): v.InferOutput<S> {
  const result = v.safeParse(schema, value, { abortEarly: true })
  if (result.success) return result.output
  const issue = result.issues[0]
  const path = v.getDotPath(issue)
  const why =
    issue.type === 'check' || issue.type === 'regex' || issue.type === 'raw_transform'
      ? issue.message
      : 'is not as it has to be'
  throw new MailsealError('bad-data', path === null ? `${label} ${why}` : `${label}: ${path} ${why}`)
}

/**
 * Reads one of our canonical JSON formats.
 *
 * @param bytes - Attacker-controlled.
 * @param limit - Bytes; a longer input is refused before it is parsed.
 * @throws {@link MailsealError} `bad-data` or `too-large`.
 */
export function readFormat<S extends v.GenericSchema>(
  schema: S,
  bytes: Uint8Array,
  label: string,
  limit: number,
): v.InferOutput<S> {
  if (bytes.length > limit) throw new MailsealError('too-large', `${label} is larger than ${limit} bytes`)
  return validate(schema, parseCanonicalJson(bytes, label), label)
}

/** Writes one of our canonical JSON formats; checked by its schema, so that nothing leaves that would be refused. */
export function writeFormat<S extends v.GenericSchema>(
  schema: S,
  value: v.InferInput<S> & CanonicalValue,
  label: string,
): Uint8Array<ArrayBuffer> {
  validate(schema, value, label)
  return canonicalJson(value)
}
