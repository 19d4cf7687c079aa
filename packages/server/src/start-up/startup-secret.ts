import { join } from 'node:path'
import { asText, LIMITS, MailsealError, type Random, toBase64url, utf8 } from '@mailseal/common'
import {
  type Ask,
  asPassword,
  type Io,
  readFileBounded,
  readSecretFile,
  writeSecretFileExclusive,
} from '@mailseal/common/program'

const SECRET_LENGTH = 32
/** The name of the systemd credential: `LoadCredential=mailseal-startup-secret:...`. */
const CREDENTIAL = 'mailseal-startup-secret'
/** Room for the line end. */
const FILE_BYTES = LIMITS.passwordBytes + 2

/** Where a start-up secret may come from. */
export interface StartupSecretSource {
  /** `--startup-secret-file`. */
  readonly file?: string | undefined
  readonly dataFolder: string
  readonly env: Io['env']
}

const fileInDataFolder = (dataFolder: string) => join(dataFolder, 'startup-secret')

function asSecret(bytes: Uint8Array, path: string): string {
  const label = `start-up secret in file "${path}"`
  return asPassword(asText(bytes, label).trim(), label)
}

/** @returns null if there is no such file. */
async function readIfPresent(path: string, read = readSecretFile): Promise<string | null> {
  try {
    return asSecret(await read(path, FILE_BYTES), path)
  } catch (thrown) {
    if (thrown instanceof MailsealError && thrown.code === 'not-found') return null
    throw thrown
  }
}

/** systemd keeps others out of its folder itself, and shows modes of its own. */
async function readCredential({ env }: StartupSecretSource): Promise<string | null> {
  const folder = env.CREDENTIALS_DIRECTORY
  return folder ? readIfPresent(join(folder, CREDENTIAL), readFileBounded) : null
}

/**
 * Finds the start-up secret: in the file given, else the systemd credential, else the data folder, else by asking.
 *
 * @throws {@link MailsealError} as {@link readSecretFile}; `password-needed` if it is nowhere and nobody can be asked.
 */
export async function findStartupSecret(source: StartupSecretSource, ask: Ask): Promise<string> {
  const { file, dataFolder } = source
  if (file !== undefined) return asSecret(await readSecretFile(file, FILE_BYTES), file)
  const found = (await readCredential(source)) ?? (await readIfPresent(fileInDataFolder(dataFolder)))
  if (found !== null) return found
  return ask.password({ message: 'Start-up secret', instead: 'give it with --startup-secret-file FILE' })
}

/** A start-up secret for a new KM server. */
export interface NewStartupSecret {
  readonly secret: string
  /** The file that holds it; null if systemd does. */
  readonly file: string | null
}

/**
 * Takes the start-up secret that is there, or makes a random one in the file given, else in the data folder.
 *
 * @throws {@link MailsealError} as {@link readSecretFile} and {@link writeSecretFileExclusive}.
 */
export async function prepareStartupSecret(source: StartupSecretSource, random: Random): Promise<NewStartupSecret> {
  const credential = source.file === undefined ? await readCredential(source) : null
  if (credential !== null) return { secret: credential, file: null }
  const file = source.file ?? fileInDataFolder(source.dataFolder)
  const found = await readIfPresent(file)
  if (found !== null) return { secret: found, file }
  const secret = toBase64url(random(SECRET_LENGTH))
  await writeSecretFileExclusive(file, utf8(`${secret}\n`))
  return { secret, file }
}
