import { Buffer } from 'node:buffer'
import { utf8 } from '../encoding.ts'
import { MailsealError } from '../errors.ts'
import { asAddress } from '../names.ts'
import { decodeHeader } from './encoded-words.ts'
import type { MimePart } from './part.ts'
import { Scanner } from './scanner.ts'

/** One address of a header field. */
export interface Mailbox {
  /** The display name, encoded words decoded, for display only: an outsider chose it. May be empty. */
  readonly name: string
  /** Addr-spec, its domain in lower-case A-labels. */
  readonly address: string
}

interface AddressList {
  readonly mailboxes: readonly Mailbox[]
  readonly hasGroup: boolean
}

/** A word in front of an address, or an address without brackets. */
interface Word {
  readonly text: string
  readonly quoted: boolean
}

/** What no word holds unless it is quoted. */
const SPECIALS = '()<>,;:"[]\\ \t\r\n'

/**
 * Reads the value of From, To, Cc or Bcc (RFC 5322, section 3.4); members of groups count like others, an empty list is
 * one. Strict where programs differ: an `@` in an unquoted name, anything behind `>`, routes, quoted local parts and
 * domain literals are refused. The one exception is `a@x <a@x>`, which says the same twice.
 *
 * @param value - Unfolded; attacker-controlled.
 * @throws {@link MailsealError} `bad-data` if any of it is no address.
 */
export function parseAddresses(value: string): readonly Mailbox[] {
  return readAddressList(value).mailboxes
}

/**
 * The one author of a message: exactly one From field that holds exactly one address and no group.
 *
 * @returns null for any other message, as nobody can say whom such a one is from.
 */
export function singleFrom(part: MimePart): Mailbox | null {
  const [field, ...others] = part.headers.fields('from')
  if (field === undefined || others.length > 0) return null
  try {
    const { mailboxes, hasGroup } = readAddressList(field.value)
    return mailboxes.length === 1 && !hasGroup ? (mailboxes[0] ?? null) : null
  } catch (error) {
    if (error instanceof MailsealError) return null
    throw error
  }
}

/** What a display name may hold between quotation marks; anything else is written as an encoded word. */
const QUOTABLE = /^[\x20-\x7e]*$/
/** Bytes of an encoded word's text: with charset and base64 it stays below 75 characters (RFC 2047, section 2). */
const ENCODED_WORD_BYTES = 39

/**
 * Writes addresses as the value of To or Cc, each on a line of its own.
 *
 * @see RFC 5322, section 3.4; RFC 2047, section 5.
 */
export function formatAddresses(mailboxes: readonly Mailbox[]): string {
  return mailboxes.map(formatMailbox).join(',\r\n ')
}

function formatMailbox({ name, address }: Mailbox): string {
  if (name === '') return address
  if (QUOTABLE.test(name) && name.length < 200) return `"${name.replace(/["\\]/g, '\\$&')}" <${address}>`
  return `${encodeWords(name)}\r\n <${address}>`
}

/** Cut between characters, as each word is decoded by itself. */
function encodeWords(text: string): string {
  const words = ['']
  for (const character of text) {
    const longer = (words.at(-1) ?? '') + character
    if (utf8(longer).length > ENCODED_WORD_BYTES) words.push(character)
    else words[words.length - 1] = longer
  }
  return words.map((word) => `=?utf-8?B?${Buffer.from(word).toString('base64')}?=`).join('\r\n ')
}

function readAddressList(value: string): AddressList {
  const scanner = new Scanner(value)
  const mailboxes: Mailbox[] = []
  let hasGroup = false
  let inGroup = false
  for (;;) {
    const words = readWords(scanner)
    if (scanner.take(':')) {
      if (inGroup || words.length === 0) throw malformed()
      inGroup = hasGroup = true
      continue
    }
    const mailbox = scanner.take('<') ? readBracketed(scanner, words) : readBare(words)
    if (mailbox !== null) mailboxes.push(mailbox)
    if (inGroup && scanner.take(';')) {
      inGroup = false
      skipBlanks(scanner)
    }
    if (scanner.take(',')) continue
    if (inGroup || scanner.next !== '') throw malformed()
    return { mailboxes, hasGroup }
  }
}

function readWords(scanner: Scanner): Word[] {
  const words: Word[] = []
  for (;;) {
    skipBlanks(scanner)
    const quoted = scanner.next === '"'
    const text = quoted ? scanner.quotedString() : scanner.until(SPECIALS)
    if (text === null) throw malformed()
    if (!quoted && text === '') return words
    words.push({ text, quoted })
  }
}

/** Behind the `<` of `name <address>`, up to the end of this address. */
function readBracketed(scanner: Scanner, name: readonly Word[]): Mailbox {
  skipBlanks(scanner)
  const address = asAddress(scanner.until(SPECIALS))
  skipBlanks(scanner)
  if (!scanner.take('>')) throw malformed()
  skipBlanks(scanner)
  if (!name.some(({ text, quoted }) => !quoted && text.includes('@'))) return { name: displayName(name), address }
  if (readBare(name)?.address !== address) throw malformed()
  return { name: '', address }
}

/** An address that stands alone; null for an empty place in the list. */
function readBare(words: readonly Word[]): Mailbox | null {
  const [word, ...others] = words
  if (word === undefined) return null
  if (others.length > 0 || word.quoted) throw malformed()
  return { name: '', address: asAddress(word.text) }
}

/** Encoded words count outside quotation marks only (RFC 2047, section 5). */
function displayName(words: readonly Word[]): string {
  const pieces: Word[] = []
  for (const word of words) {
    const last = pieces.at(-1)
    if (last !== undefined && !last.quoted && !word.quoted) {
      pieces[pieces.length - 1] = { text: `${last.text} ${word.text}`, quoted: false }
    } else pieces.push(word)
  }
  return pieces.map(({ text, quoted }) => (quoted ? text : decodeHeader(text))).join(' ')
}

function skipBlanks(scanner: Scanner): void {
  if (!scanner.skipBlanks()) throw malformed()
}

function malformed(): MailsealError {
  return new MailsealError('bad-data', 'this is not a list of e-mail addresses', {
    hint: 'write addresses like alice@example.org or "Alice" <alice@example.org>, with commas between them',
  })
}
