import { LIMITS, MailsealError } from '@mailseal/common'
import type { Context } from './context.ts'
import { readIfPresent } from './files.ts'
import { type OpenedKeyFile, openKeyFile } from './key-file/key-file.ts'

/** Argon2 slows guessing down; with fewer characters it does not slow it down enough. */
const SHORTEST_PASSWORD = 8

/**
 * Refuses a password that is too short for a key file.
 *
 * @throws {@link MailsealError} `usage`.
 */
export function assertNewPassword(password: string): void {
  if ([...password.normalize('NFC')].length >= SHORTEST_PASSWORD) return
  throw new MailsealError('usage', `the password has fewer than ${SHORTEST_PASSWORD} characters`)
}

/** A password for a key file to be. */
export async function newPassword(context: Context): Promise<string> {
  const password = await context.password({ purpose: 'new', file: context.home.keyFile })
  assertNewPassword(password)
  return password
}

/**
 * Opens the own key file with its password.
 *
 * @throws {@link MailsealError} `not-found` if there is none, `password-wrong`, `password-needed`, `bad-data`.
 */
export async function openOwnKeyFile(context: Context): Promise<OpenedKeyFile> {
  const { keyFile } = context.home
  const bytes = await readIfPresent(keyFile, LIMITS.keyFile)
  if (bytes === null) {
    throw new MailsealError('not-found', `there is no key file "${keyFile}"`, {
      hint: 'bring a copy of it: mailseal keyfile use FILE',
    })
  }
  return openKeyFile(bytes, await context.password({ purpose: 'open', file: keyFile }), 'the key file')
}
