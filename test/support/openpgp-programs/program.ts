import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Outcome } from '../run.ts'

/** Binary: over the bytes as they are. Text: over lines that end in CRLF. */
export type SignatureMode = 'binary' | 'text'

/** What became of an encrypted message. */
export interface OpenedByProgram {
  /** Null if it could not be opened. */
  readonly content: Buffer | null
  /** Whether the program found a good signature by the correspondent in it. */
  readonly isSigned: boolean
}

/** Another OpenPGP program, as somebody uses it who has one correspondent, and keys of their own. */
export interface OpenpgpProgram {
  /** What kinds of detached signatures it makes. */
  readonly signatureModes: readonly SignatureMode[]
  /** Fetches the correspondent's certificate, or fetches it again: where there is a keyring, it is merged with the copy. */
  learn(certificate: Uint8Array, fingerprint: string): Promise<void>
  /** Takes exported secret keys for its owner's. It signs with the one of this fingerprint. */
  own(secretKeys: string, password: string, fingerprint?: string): Promise<void>
  /** Armored. @throws Error if it does not encrypt to the correspondent. */
  encrypt(content: Uint8Array, options?: { readonly isSigned?: boolean }): Promise<string>
  /** Whether it encrypts to the correspondent. */
  encrypts(): Promise<boolean>
  decrypt(message: string | Uint8Array): Promise<OpenedByProgram>
  /** A detached signature, armored. */
  sign(data: Uint8Array, mode: SignatureMode): Promise<string>
  /** Whether it takes a detached signature by the correspondent for good. */
  verifies(data: Uint8Array, signature: string | Uint8Array): Promise<boolean>
  end(): Promise<void>
}

/** How one of them is told what to do, with files. */
export interface Dialect {
  readonly signatureModes: readonly SignatureMode[]
  /** A program without a keyring is given the file each time. */
  learn?(desk: Desk): Promise<Outcome>
  own?(desk: Desk): Promise<Outcome>
  encrypt(desk: Desk, content: string, isSigned: boolean): Promise<Outcome>
  /** The content goes to stdout. */
  decrypt(desk: Desk, message: string): Promise<{ readonly outcome: Outcome; readonly isSigned: boolean }>
  sign(desk: Desk, data: string, mode: SignatureMode): Promise<Outcome>
  verify(desk: Desk, data: string, signature: string): Promise<boolean>
  end?(desk: Desk): Promise<unknown>
}

/** Where a program's files lie, and whose keys it has. */
export interface Desk {
  readonly folder: string
  /** Files; empty until there is one. */
  certificate: string
  keys: string
  passwordFile: string
  /** Fingerprints, and the password of the own keys. */
  correspondent: string
  owner: string
  password: string
  /** A new file in the folder with this content, or one that does not exist yet. @returns Its path. */
  file(content?: string | Uint8Array): Promise<string>
}

async function newDesk(): Promise<Desk> {
  // The socket of GnuPG's agent must have a short path.
  const folder = await mkdtemp(join(tmpdir(), 'pgp-'))
  let files = 0
  const nobody = { correspondent: '', owner: '', password: '' }
  return {
    folder,
    certificate: '',
    keys: '',
    passwordFile: '',
    ...nobody,
    async file(content) {
      files += 1
      const path = join(folder, `${files}`)
      if (content !== undefined) await writeFile(path, content, { mode: 0o600 })
      return path
    },
  }
}

function succeeded(outcome: Outcome | undefined): string {
  if (outcome === undefined || outcome.exitCode === 0) return outcome?.stdout ?? ''
  throw new Error(`exit code ${outcome.exitCode}\n${outcome.stderr}`)
}

/** Throws if the program is not installed. */
export async function programOf(dialect: Dialect): Promise<OpenpgpProgram> {
  const desk = await newDesk()
  const encrypting = async (content: Uint8Array, isSigned: boolean) =>
    dialect.encrypt(desk, await desk.file(content), isSigned)
  return {
    signatureModes: dialect.signatureModes,
    async learn(certificate, fingerprint) {
      desk.certificate = await desk.file(certificate)
      desk.correspondent = fingerprint
      succeeded(await dialect.learn?.(desk))
    },
    async own(secretKeys, password, fingerprint = '') {
      desk.keys = await desk.file(secretKeys)
      desk.passwordFile = await desk.file(password)
      Object.assign(desk, { owner: fingerprint, password })
      succeeded(await dialect.own?.(desk))
    },
    encrypt: async (content, { isSigned = false } = {}) => succeeded(await encrypting(content, isSigned)),
    encrypts: async () => (await encrypting(new TextEncoder().encode('a secret\n'), false)).exitCode === 0,
    async decrypt(message) {
      const { outcome, isSigned } = await dialect.decrypt(desk, await desk.file(message))
      const isOpened = outcome.exitCode === 0
      return { content: isOpened ? outcome.bytes : null, isSigned: isOpened && isSigned }
    },
    sign: async (data, mode) => succeeded(await dialect.sign(desk, await desk.file(data), mode)),
    verifies: async (data, signature) => dialect.verify(desk, await desk.file(data), await desk.file(signature)),
    async end() {
      await dialect.end?.(desk)
      await rm(desk.folder, { recursive: true, force: true })
    },
  }
}
