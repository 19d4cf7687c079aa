import { asText, LIMITS, MailsealError } from '@mailseal/common'

/** What an enrollment message says, with places for what differs between mailboxes. */
export interface EnrollmentTemplate {
  readonly subject: string
  /** Lines end with LF. */
  readonly text: string
}

/** The places a text can have, written `{{name}}`. */
export const PLACEHOLDERS = ['temporaryKey', 'name', 'address', 'organization', 'expires', 'server'] as const
export type Placeholder = (typeof PLACEHOLDERS)[number]

const PLACE = /\{\{([^{}\n]{0,64})\}\}/g
const SUBJECT = /^subject:[ \t]*([^\n]+)\n\n*/i

/**
 * Reads the text that an administrator wrote: UTF-8, optionally with `Subject: ...` as its first line. A text without
 * the place for the temporary key is allowed; the key then does not travel with the message.
 *
 * @param label - What the text is called in messages, such as `file "welcome.txt"`.
 * @param defaultSubject - Subject of a text that gives none.
 * @throws {@link MailsealError} `too-large`; `bad-data` with the line's number for a place that is not known, a second
 *   place for the temporary key, or one in the subject, which mail servers log.
 */
export function parseTemplate(bytes: Uint8Array, label: string, defaultSubject: string): EnrollmentTemplate {
  if (bytes.length > LIMITS.enrollmentText) {
    throw new MailsealError('too-large', `${label} is larger than ${LIMITS.enrollmentText} bytes`)
  }
  const whole = asText(bytes, label)
    .replace(/^\uFEFF/, '')
    .replaceAll('\r\n', '\n')
  if (whole.trim() === '') throw new MailsealError('bad-data', `${label} is empty`)
  assertPlaces(whole, label)
  const [first, subject] = SUBJECT.exec(whole) ?? []
  if (first === undefined || subject === undefined) return { subject: defaultSubject, text: whole }
  if (subject.includes('{{temporaryKey}}')) {
    throw new MailsealError('bad-data', `${label}, line 1: the temporary key can't stand in the subject`)
  }
  return { subject: subject.trim(), text: whole.slice(first.length) }
}

function assertPlaces(text: string, label: string): void {
  let keys = 0
  for (const [index, line] of text.split('\n').entries()) {
    for (const [, name = ''] of line.matchAll(PLACE)) {
      const where = `${label}, line ${index + 1}:`
      if (!isPlaceholder(name)) throw new MailsealError('bad-data', `${where} unknown placeholder`, { hint: KNOWN })
      if (name === 'temporaryKey' && ++keys > 1) {
        throw new MailsealError('bad-data', `${where} the temporary key stands in the text twice`)
      }
    }
  }
}

const KNOWN = `these can be used: ${PLACEHOLDERS.map((name) => `{{${name}}}`).join(' ')}`

function isPlaceholder(name: string): name is Placeholder {
  return PLACEHOLDERS.some((known) => known === name)
}

/** Whether the text has a place for the temporary key. */
export function holdsTemporaryKey({ text }: EnrollmentTemplate): boolean {
  return text.includes('{{temporaryKey}}')
}

/** Puts the values into their places, in one pass: a value that looks like a place stays as it is. */
export function fillPlaces(text: string, values: Readonly<Record<Placeholder, string>>): string {
  return text.replace(PLACE, (place, name: string) => (isPlaceholder(name) ? values[name] : place))
}
