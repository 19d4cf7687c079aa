import { MailsealError } from '@mailseal/common'
import { editHeader, formatAddresses, type HeaderField, type MimePart, parseAddresses } from '@mailseal/common/mime'

/** Whom a message is for, each address once. */
export interface Addressees {
  /** Those of To and Cc, whom everybody sees. */
  readonly open: readonly string[]
  /** Those of Bcc alone. */
  readonly hidden: readonly string[]
}

const OPEN: ReadonlyMap<string, string> = new Map([
  ['to', 'To'],
  ['cc', 'Cc'],
])
const HIDDEN: ReadonlySet<string> = new Set(['bcc', 'resent-bcc'])

/**
 * Whom a message is for, by its To, Cc and Bcc fields.
 *
 * @throws {@link MailsealError} `bad-data` if there is nobody, or if a field can't be read.
 */
export function addresseesOf(message: MimePart): Addressees {
  const read = (names: readonly string[]) =>
    names.flatMap((name) => message.headers.fields(name).flatMap((field) => addressesIn(field)))
  const open = [...new Set(read([...OPEN.keys()]))]
  const hidden = [...new Set(read(['bcc']))].filter((address) => !open.includes(address))
  if (open.length + hidden.length > 0) return { open, hidden }
  throw new MailsealError('bad-data', 'message is for nobody', {
    hint: 'write a line "To: bob@example.org" into the message',
  })
}

function addressesIn(field: HeaderField): string[] {
  return mailboxesIn(field).map(({ address }) => address)
}

function mailboxesIn(field: HeaderField) {
  try {
    return parseAddresses(field.value)
  } catch (cause) {
    const { hint } = cause as MailsealError
    throw new MailsealError('bad-data', `the addresses in the message's ${field.name} field can't be read`, {
      hint,
      cause,
    })
  }
}

/** The message without Bcc, and without these addresses in To and Cc. */
export function withoutAddressees(message: MimePart, leftOut: ReadonlySet<string>): Uint8Array {
  return editHeader(message, (field) => {
    if (HIDDEN.has(field.name)) return null
    const name = OPEN.get(field.name)
    if (name === undefined || leftOut.size === 0) return 'keep'
    const mailboxes = mailboxesIn(field)
    const staying = mailboxes.filter(({ address }) => !leftOut.has(address))
    if (staying.length === mailboxes.length) return 'keep'
    return staying.length === 0 ? null : `${name}: ${formatAddresses(staying)}`
  })
}
