import { asText, utf8 } from '../encoding.ts'
import { MailsealError } from '../errors.ts'
import { LIMITS } from '../limits.ts'
import { readInput, readSecretFile } from './files.ts'
import type { Io } from './io.ts'

/**
 * A password as everything here takes it: NFC, so that two keyboards give the same bytes.
 *
 * @throws {@link MailsealError} `usage` if it is empty or longer than `LIMITS.passwordBytes`.
 */
export function asPassword(text: string, label: string): string {
  const password = text.normalize('NFC')
  if (password === '') throw new MailsealError('usage', `${label} is empty`)
  if (utf8(password).length > LIMITS.passwordBytes) {
    throw new MailsealError('usage', `${label} is longer than ${LIMITS.passwordBytes} bytes`)
  }
  return password
}

/**
 * The password in a file, or on stdin for `-`, less one trailing line end, NFC.
 *
 * @throws {@link MailsealError} as {@link readInput}; `usage` if there is no password in it, `bad-data` if no text.
 */
export async function readPasswordFile(io: Io, path: string): Promise<string> {
  // Room for the line end.
  const bytes = await readInput(io, path, LIMITS.passwordBytes + 2)
  const label = path === '-' ? 'password on stdin' : `password in file "${path}"`
  return asPassword(asText(bytes, label).replace(/\r?\n$/, ''), label)
}

/** What an administrator proves who they are with. */
export interface Credentials {
  readonly administrator: string
  readonly password: string
}

/** A name takes up to four bytes a character; a colon and a line end follow. */
const CREDENTIALS_BYTES = LIMITS.administrators * (LIMITS.administratorNameCharacters * 4 + LIMITS.passwordBytes + 3)

/**
 * The lines `NAME:PASSWORD` of a file that only its owner can read.
 *
 * @throws {@link MailsealError} as {@link readSecretFile} and {@link parseCredentials}.
 */
export async function readCredentialsFile(path: string): Promise<Credentials[]> {
  const bytes = await readSecretFile(path, CREDENTIALS_BYTES)
  return parseCredentials(asText(bytes, `file "${path}"`), `file "${path}"`)
}

/**
 * Lines `NAME:PASSWORD`; the password is everything after the first colon. Empty lines are skipped.
 *
 * @throws {@link MailsealError} `bad-data` with the line's number, never its content.
 */
export function parseCredentials(text: string, label: string): Credentials[] {
  const found = new Map<string, Credentials>()
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line === '') continue
    const credentials = parseLine(line, `${label}, line ${index + 1}:`)
    if (found.has(credentials.administrator)) throw badLine(`${label}, line ${index + 1}:`, 'name stands twice')
    found.set(credentials.administrator, credentials)
  }
  if (found.size === 0) throw badLine(`${label}:`, 'no names and passwords in it')
  if (found.size > LIMITS.administrators) throw badLine(`${label}:`, `more than ${LIMITS.administrators} names`)
  return [...found.values()]
}

function parseLine(line: string, where: string): Credentials {
  const colon = line.indexOf(':')
  if (colon === -1) throw badLine(where, 'no colon')
  if (colon === 0) throw badLine(where, 'no name before the colon')
  if (colon === line.length - 1) throw badLine(where, 'no password after the colon')
  const administrator = line.slice(0, colon).normalize('NFC')
  if ([...administrator].length > LIMITS.administratorNameCharacters) throw badLine(where, 'name is too long')
  return { administrator, password: asPassword(line.slice(colon + 1), `${where} password`) }
}

function badLine(where: string, what: string): MailsealError {
  return new MailsealError('bad-data', `${where} ${what}`, { hint: 'write NAME:PASSWORD on each line' })
}
