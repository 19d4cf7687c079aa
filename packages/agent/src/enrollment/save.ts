import { LIMITS, MailsealError } from '@mailseal/common'
import type { Authority } from '@mailseal/common/authority'
import type { Context, Warning } from '../context.ts'
import { readIfPresent, setAside } from '../files.ts'
import { isSameUser, type KeyFileContent, uniteContents } from '../key-file/content.ts'
import { openKeyFile, writeKeyFile } from '../key-file/key-file.ts'
import { makeLock, type PasswordLock } from '../key-file/password-message.ts'
import { certifiedIdentity, newestCertification } from '../key-file/use.ts'
import { refreshList } from '../revocation-list.ts'
import type { Identity, StateWriter } from '../state/state.ts'
import { openRecovered } from './history.ts'
import type { PendingEnrollment } from './pending.ts'
import { type CertifiedReply, exchange } from './reply.ts'

/** An enrollment that was begun, and its password. */
export interface Begun {
  readonly pending: PendingEnrollment
  readonly password: string
}

/** What the key file and the state hold now. */
export interface Saved {
  readonly identity: Identity
  /** How many encryption keys came back from the archive. */
  readonly recoveredKeys: number
  /** Files that could not be used any more, under the names that they have now. */
  readonly keptAside: readonly string[]
  readonly warnings: readonly Warning[]
}

/**
 * Has the reply come, and writes down what it brings: the key file, who we are, the revocation list.
 *
 * @throws {@link MailsealError} whatever the server or the network said; `untrusted`, `revocation-list-refused`.
 */
export async function exchangeAndSave(context: Context, { pending, password }: Begun): Promise<Saved> {
  const reply = await exchange(context, pending)
  const { server } = pending
  await refreshList(context, { server, trust: reply.trust, timeout: context.timeouts.download, floor: reply.crl })
  const identity = identityOf(pending, reply)
  const { subkeys, warnings } = await openRecovered(pending.historyKey, reply.recovered)
  const keptAside = await save(context, { pending, reply, recovered: subkeys, identity, password })
  return { identity, recoveredKeys: subkeys.length, keptAside, warnings }
}

/**
 * What an earlier run, or another process, has written into the key file already. The reply may be gone by then: the
 * server drops it at the new key's first signed request.
 *
 * @returns null if the key file does not hold this enrollment's key, certified.
 */
export async function takeFromKeyFile(context: Context, { pending, password }: Begun): Promise<Saved | null> {
  const bytes = await readIfPresent(context.home.keyFile, LIMITS.keyFile)
  if (bytes === null) return null
  const opened = await openKeyFile(bytes, password, 'the key file').catch(nullIfRefused)
  if (opened?.content.keys[0]?.fingerprint !== pending.fingerprint) return null
  const certified = await certifiedIdentity(opened)
  const identity = newestCertification(certified, context.state.identity())
  await context.state.exclusively((state) => remember(context, state, { identity, ...opened }))
  return { identity, recoveredKeys: opened.content.recovered.length, keptAside: [], warnings: [] }
}

function nullIfRefused(error: unknown): null {
  if (error instanceof MailsealError) return null
  throw error
}

/** Who we are from here on, and whom we trust. */
async function remember(
  { clock }: Context,
  state: StateWriter,
  { identity, document, content }: { identity: Identity; document: Authority; content: KeyFileContent },
): Promise<void> {
  const { fingerprint, address } = identity
  state.keepAuthority(document)
  state.setIdentity(identity)
  state.keepOwnKeys(content.keys.map((key) => key.fingerprint))
  await state.keepCertificate({ fingerprint, address, certificate: content.certificate, fetched: clock.now() }, true)
}

function identityOf(pending: PendingEnrollment, reply: CertifiedReply): Identity {
  const { mailbox, address, fingerprint, validFrom, validTo, server } = pending
  const { serial, directoryToken } = reply
  return { mailbox, address, serial, fingerprint, validFrom, validTo, server, directoryToken }
}

/** Writes the key file and who we are, with the write lock held. */
function save(
  context: Context,
  {
    pending,
    reply,
    recovered,
    identity,
    password,
  }: {
    pending: PendingEnrollment
    reply: CertifiedReply
    recovered: readonly Uint8Array<ArrayBuffer>[]
    identity: Identity
    password: string
  },
): Promise<readonly string[]> {
  const { mailbox, address, server, directoryToken, serial, fingerprint } = identity
  const { document, certificate } = reply
  const content: KeyFileContent = {
    ...{ mailbox, address, server, directoryToken, certificate, recovered: [...recovered] },
    root: document.rootFingerprint,
    authority: new Uint8Array(document.bytes),
    keys: [{ fingerprint, serial, secretKey: pending.secretKey }],
  }
  return context.state.exclusively(async (state) => {
    const { united, lock, keptAside } = await uniteWithPresent(context, content, password)
    await remember(context, state, { identity, document, content: united })
    await writeKeyFile(context.home.keyFile, lock, united)
    return keptAside
  })
}

/**
 * The secrets of a key file that is there already are taken over if the password opens it and it is of the same
 * organization and user; else it is kept as `.old`.
 */
async function uniteWithPresent(
  context: Context,
  content: KeyFileContent,
  password: string,
): Promise<{ united: KeyFileContent; lock: PasswordLock; keptAside: readonly string[] }> {
  const present = await readIfPresent(context.home.keyFile, LIMITS.keyFile)
  if (present !== null) {
    const opened = await openKeyFile(present, password, 'the key file').catch(nullIfRefused)
    if (opened?.content.root === content.root && isSameUser(opened.content, content)) {
      return { united: await uniteContents(content, opened.content), lock: opened.lock, keptAside: [] }
    }
  }
  // Moved and not copied: as `.previous` it would push out one that may still open.
  const keptAside = present === null ? [] : [await setAside(context.home.keyFile, LIMITS.keyFile)]
  return { united: content, lock: await makeLock(password, context.random, context.argon2), keptAside }
}
