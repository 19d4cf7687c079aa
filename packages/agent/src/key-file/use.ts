import { asMailsealError, equalBytes, LIMITS, MailsealError } from '@mailseal/common'
import type { Authority } from '@mailseal/common/authority'
import { evaluateCertificate } from '@mailseal/common/certificate'
import { readFileBounded } from '@mailseal/common/program'
import type { Context } from '../context.ts'
import { readIfPresent, setAside } from '../files.ts'
import { openOwnKeyFile } from '../passwords.ts'
import type { Identity } from '../state/state.ts'
import { trustOf } from '../trust.ts'
import { isSameUser, type KeyFileContent, uniteContents } from './content.ts'
import { installKeyFile, type OpenedKeyFile, openKeyFile, writeKeyFile } from './key-file.ts'

/** What {@link useKeyFile} did. */
export interface UseResult extends Identity {
  readonly keyFile: string
  /** How many secret keys the key file holds now. */
  readonly keys: number
  /** The damaged key file that was here, under the name that it has now. */
  readonly keptAside: readonly string[]
}

/**
 * Makes a key file from elsewhere this computer's own, or unites it with the one that is here; no secret is dropped.
 * Needs no server.
 *
 * @param from - Path of the copy, which stays as it is, or its bytes.
 * @throws {@link MailsealError} `not-found`, `password-wrong`, `bad-data`; `untrusted` if it is of another root than the
 *   one pinned; `already-exists` if the key file here is of another mailbox.
 */
export async function useKeyFile(context: Context, from: string | Uint8Array): Promise<UseResult> {
  const [bytes, file] = typeof from === 'string' ? [await readFileBounded(from, LIMITS.keyFile), from] : [from, 'stdin']
  assertKeyFile(bytes, file)
  const password = await context.password({ purpose: 'other', file })
  const copy = await openKeyFile(bytes, password, `file "${file}"`)
  assertPinned(context.state.authority(), copy)
  const before = await readIfPresent(context.home.keyFile, LIMITS.keyFile)
  const present = before === null ? null : await openPresent(context, before, password)
  const own = present === 'damaged' ? null : present
  // Where the state was lost, the key file still says which root is pinned.
  assertPinned(own?.document ?? null, copy)
  const { content, isCopyNewer } = own === null ? { content: copy.content, isCopyNewer: true } : await unite(own, copy)
  const newest = isCopyNewer ? copy : (own ?? copy)
  const certified = await certifiedIdentity(newest)
  context.session.keyFileOpened = true
  const [identity, keptAside] = await context.state.exclusively(async (state) => {
    await assertUnchanged(context, before)
    const identity = newestCertification(certified, state.identity())
    state.keepAuthority(copy.document)
    const aside = present === 'damaged' ? [await setAside(context.home.keyFile, LIMITS.keyFile)] : []
    if (own === null) await installKeyFile(context.home.keyFile, bytes)
    else await writeKeyFile(context.home.keyFile, own.lock, content)
    state.setIdentity(identity)
    state.keepOwnKeys(content.keys.map((key) => key.fingerprint))
    const { fingerprint, address } = identity
    const fetched = context.clock.now()
    await state.keepCertificate({ fingerprint, address, certificate: content.certificate, fetched }, true)
    return [identity, aside]
  })
  return { ...identity, keyFile: context.home.keyFile, keys: content.keys.length, keptAside }
}

/** Told before a password is asked for; what is armored and still none is refused when it is opened. */
function assertKeyFile(bytes: Uint8Array, file: string): void {
  if (Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes('-----BEGIN PGP MESSAGE-----')) return
  throw new MailsealError('bad-data', `file "${file}" is no key file of Mailseal`, {
    hint: 'make a copy where you are enrolled: mailseal keyfile copy FILE',
  })
}

function assertPinned(pinned: Authority | null, { document }: OpenedKeyFile): void {
  if (pinned === null || pinned.rootFingerprint === document.rootFingerprint) return
  throw new MailsealError(
    'untrusted',
    `the key file is of ${document.organization} under another root than the one pinned here`,
    {
      hint: 'use another folder for it: set MAILSEAL_HOME',
    },
  )
}

/** The key file that is here, often under the same password as the copy. */
async function openPresent(context: Context, bytes: Uint8Array, password: string): Promise<OpenedKeyFile | 'damaged'> {
  try {
    return await openKeyFile(bytes, password, 'the key file')
  } catch (error) {
    const { code } = asMailsealError(error)
    if (code === 'bad-data') return 'damaged'
    if (code !== 'password-wrong') throw error
    return openOwnKeyFile(context).catch((cause: unknown) => {
      throw withWayOut(context, cause)
    })
  }
}

/** Damage to the password's own packet looks like a wrong password, whatever is typed. */
function withWayOut({ home }: Context, error: unknown): unknown {
  if (!(error instanceof MailsealError) || error.code !== 'password-wrong') return error
  return new MailsealError(error.code, error.message, {
    hint: `it has its own password; if that is lost, or the file is damaged, move "${home.keyFile}" away and run the same command again`,
    cause: error,
  })
}

/** The key file was opened before the lock was taken, which asks for passwords: what came meanwhile must not be lost. */
async function assertUnchanged(context: Context, before: Uint8Array | null): Promise<void> {
  const now = await readIfPresent(context.home.keyFile, LIMITS.keyFile)
  if (before === null ? now === null : now !== null && equalBytes(now, before)) return
  throw new MailsealError('busy', 'another program changed the key file just now', {
    hint: 'run the same command again',
  })
}

async function unite(
  own: OpenedKeyFile,
  copy: OpenedKeyFile,
): Promise<{ content: KeyFileContent; isCopyNewer: boolean }> {
  if (!isSameUser(own.content, copy.content)) {
    throw new MailsealError(
      'already-exists',
      `the key file here is of ${own.content.address}, the other of ${copy.content.address}`,
      {
        hint: 'use another folder for it: set MAILSEAL_HOME',
      },
    )
  }
  const isCopyNewer = (await certifiedIdentity(copy)).validFrom > (await certifiedIdentity(own)).validFrom
  const [main, other] = isCopyNewer ? [copy, own] : [own, copy]
  return { content: await uniteContents(main.content, other.content), isCopyNewer }
}

/**
 * The newest certification of the same key that is known: a renewal changes the state, and no key file.
 *
 * @param known - Who the state says one is.
 */
export function newestCertification(identity: Identity, known: Identity | null): Identity {
  if (known === null || known.fingerprint !== identity.fingerprint || known.validFrom <= identity.validFrom) {
    return identity
  }
  const { serial, validFrom, validTo } = known
  return { ...identity, serial, validFrom, validTo }
}

/**
 * Who a key file says one is, as its organization certified it.
 *
 * @throws {@link MailsealError} `untrusted`.
 */
export async function certifiedIdentity({ content, document }: OpenedKeyFile): Promise<Identity> {
  const trust = await trustOf(document)
  const certificate = await evaluateCertificate(content.certificate, trust.authorities, trust.domains)
  const [key] = content.keys
  const certification = certificate.certifications.find((one) => one.serial === key?.serial)
  if (certification === undefined || certificate.address !== content.address) {
    throw new MailsealError('untrusted', 'the certificate in the key file is not certified by its organization')
  }
  const { mailbox, address, server, directoryToken } = content
  const { serial, validFrom, validTo } = certification
  return { mailbox, address, serial, fingerprint: certificate.fingerprint, validFrom, validTo, server, directoryToken }
}
