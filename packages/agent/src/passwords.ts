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

/** The own key file, open, and the password that opened it. */
export interface UnlockedKeyFile extends OpenedKeyFile {
  /** Secret. */
  readonly password: string
}

/**
 * Opens the own key file with its password.
 *
 * @throws {@link MailsealError} `not-found` if there is none, `password-wrong`, `password-needed`, `bad-data`.
 */
export async function openOwnKeyFile(context: Context): Promise<UnlockedKeyFile> {
  const { keyFile } = context.home
  const bytes = await readIfPresent(keyFile, LIMITS.keyFile)
  if (bytes === null) {
    throw new MailsealError('not-found', `there is no key file "${keyFile}"`, {
      hint: 'bring a copy of it: mailseal keyfile use FILE',
    })
  }
  const password = await context.password({ purpose: 'open', file: keyFile })
  const opened = await openKeyFile(bytes, password, 'the key file')
  context.session.keyFileOpened = true
  await rememberOwnKeys(context, opened)
  return { ...opened, password }
}

/** A certificate for our address is foreign unless one of these keys is its own. */
async function rememberOwnKeys({ state }: Context, { content }: OpenedKeyFile): Promise<void> {
  const fingerprints = content.keys.map((key) => key.fingerprint)
  if (fingerprints.every((fingerprint) => state.isOwnKey(fingerprint))) return
  await state.exclusively(async (writer) => writer.keepOwnKeys(fingerprints))
}
