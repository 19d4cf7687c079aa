import {
  asAddress,
  asMailsealError,
  deriveTemporaryKeySecrets,
  equalBytes,
  formatDate,
  LIMITS,
  MailsealError,
  parseTemporaryKey,
  type TemporaryKeySecrets,
  toBase64url,
} from '@mailseal/common'
import { sealArchiveEntry } from '@mailseal/common/archive-entry'
import { type Authority, readAuthority } from '@mailseal/common/authority'
import { assertSubkeyWorks, makeUserKey } from '@mailseal/common/certificate'
import { sealEnrollmentRequest } from '@mailseal/common/enrollment'
import type { Context, Warning } from '../context.ts'
import { readIfPresent, setAside } from '../files.ts'
import { type KeyFileContent, uniteContents } from '../key-file/content.ts'
import { openKeyFile, writeKeyFile } from '../key-file/key-file.ts'
import { makeLock, type PasswordLock } from '../key-file/password-message.ts'
import { certifiedIdentity } from '../key-file/use.ts'
import { newPassword } from '../passwords.ts'
import { AGENT, sendReport } from '../report.ts'
import { refreshList } from '../revocation-list.ts'
import type { Identity, StateWriter } from '../state/state.ts'
import { trustOf } from '../trust.ts'
import type { Invitation } from './message.ts'
import { type OfferOptions, obtainOffer, type TrustedOffer } from './offer.ts'
import { openPending, PENDING_LIMIT, type PendingEnrollment, removePending, writePending } from './pending.ts'
import { type CertifiedReply, exchange } from './reply.ts'
import { asRootFingerprint } from './server-trust.ts'

/** What {@link enroll} is given. */
export interface EnrollOptions {
  /** As people type it. Secret. */
  readonly temporaryKey: string
  /** The enrollment message, if there is one. */
  readonly invitation?: Invitation | undefined
  /** The address that is expected. */
  readonly address?: string | undefined
  /** The KM server's URL; trusted since it was given. */
  readonly server?: string | undefined
  /** The root's fingerprint that is expected. */
  readonly root?: string | undefined
}

/** An enrollment that is finished. */
export interface EnrollResult extends Identity {
  readonly keyFile: string
  /** How many encryption keys came back from the archive. */
  readonly recoveredKeys: number
  /** Whether it was begun by an earlier run. */
  readonly continued: boolean
  /** Files that could not be used any more, under the names that they have now. */
  readonly keptAside: readonly string[]
  readonly warnings: readonly Warning[]
}

/** Codes that say of a temporary key that it is over. Nobody vouches for them, so that nothing is deleted for them. */
const ENDED: readonly string[] = ['used', 'expired', 'replaced', 'canceled', 'unknown'].map(
  (end) => `temporary-key-${end}`,
)

/**
 * Enrolls this computer with a temporary key, or finishes an enrollment that was begun (DESIGN, section 3).
 *
 * What was made is on disk, under the password, before anything is sent; from then on the same bytes are sent until
 * their reply opens. An error therefore loses nothing: run it again.
 *
 * @throws {@link MailsealError} `temporary-key-*`, `untrusted`, `server-not-trusted`, `server-unreachable`,
 *   `clock-wrong`, `password-wrong`, `revocation-list-refused`, `usage`.
 */
export async function enroll(context: Context, options: EnrollOptions): Promise<EnrollResult> {
  const request: OfferOptions = {
    secrets: deriveTemporaryKeySecrets(parseTemporaryKey(options.temporaryKey)),
    invitation: options.invitation,
    server: options.server,
    address: options.address === undefined ? undefined : asAddress(options.address),
    root: options.root === undefined ? undefined : asRootFingerprint(options.root),
  }
  const begun = await openBegun(context)
  if (begun === null) return begin(context, request)
  if (equalBytes(begun.pending.pskId, request.secrets.pskId)) {
    assertSameSubject(begun.pending, request)
    // The KM server may have moved since; whoever answers, only its reply opens.
    const server = request.server ?? context.server ?? begun.pending.server
    const result = await finishOrTellHow(context, { ...begun, pending: { ...begun.pending, server } })
    return { ...result, continued: true }
  }
  const kept = await settle(context, begun)
  const result = await begin(context, request)
  return { ...result, keptAside: [...kept, ...result.keptAside] }
}

/** An enrollment that was begun, and its password. */
interface Begun {
  readonly pending: PendingEnrollment
  readonly password: string
}

async function openBegun(context: Context): Promise<Begun | null> {
  const { pending: file } = context.home
  const bytes = await readIfPresent(file, PENDING_LIMIT)
  if (bytes === null) return null
  const password = await context.password({ purpose: 'continue', file })
  try {
    return { pending: await openPending(bytes, password), password }
  } catch (error) {
    const { code, message } = asMailsealError(error)
    throw new MailsealError(code, message, {
      hint: `give the password that it was begun with; if that is lost, move "${file}" away and ask for a new temporary key`,
      cause: error,
    })
  }
}

function assertSameSubject({ address, authority }: PendingEnrollment, request: OfferOptions): void {
  if (request.address !== undefined && request.address !== address) {
    throw new MailsealError('untrusted', `the temporary key is for ${address}, not for ${request.address}`)
  }
  if (request.root !== undefined && request.root !== readAuthority(authority).rootFingerprint) {
    throw new MailsealError('untrusted', 'the enrollment was begun with another root than the one demanded')
  }
}

/**
 * Brings an enrollment with another temporary key to its end: finished if its reply still comes, else set aside if the
 * server says that its key is over.
 *
 * @returns The names of files set aside.
 */
async function settle(context: Context, begun: Begun): Promise<readonly string[]> {
  try {
    return (await finish(context, begun)).keptAside
  } catch (thrown) {
    const error = asMailsealError(thrown)
    if (ENDED.includes(error.code)) return [await setAside(context.home.pending, PENDING_LIMIT)]
    const { address, begun: at } = begun.pending
    const what = `the enrollment of ${address}, begun on ${formatDate(at)} with another temporary key, is not finished`
    throw new MailsealError(error.code, `${what}: ${error.message}`, { hint: error.hint, cause: error })
  }
}

/** A new enrollment, from the offer on. */
async function begin(context: Context, request: OfferOptions): Promise<EnrollResult> {
  const trusted = await obtainOffer(context, request).catch((error: unknown) => {
    throw ifUsedHere(context, error)
  })
  const password = await newPassword(context)
  const pending = await prepare(context, trusted, request.secrets)
  await writePending(context, pending, password)
  return finishOrTellHow(context, { pending, password })
}

/** Whose network fails here has to know that the temporary key is not lost with it. */
async function finishOrTellHow(context: Context, begun: Begun): Promise<EnrollResult> {
  try {
    return await finish(context, begun)
  } catch (error) {
    if (!(error instanceof MailsealError) || error.code !== 'server-unreachable') throw error
    const message = `${error.message}; the enrollment of ${begun.pending.address} has begun, and nothing is lost`
    throw new MailsealError(error.code, message, {
      hint: 'run the same command again, with the same password: it goes on where it was',
      cause: error,
    })
  }
}

/** Who runs a finished enrollment again need not be alarmed that somebody used the key. */
function ifUsedHere(context: Context, error: unknown): unknown {
  const identity = context.state.identity()
  if (identity === null || !(error instanceof MailsealError) || error.code !== 'temporary-key-used') return error
  return new MailsealError(error.code, error.message, {
    hint: `this computer is enrolled as ${identity.address}, with the key file "${context.home.keyFile}"; if it was with this temporary key, all is done: see mailseal status; if not, tell your administrator at once`,
    cause: error,
  })
}

/** Makes the keys, tries them, and seals the request. */
async function prepare(
  context: Context,
  { offer, document, server }: TrustedOffer,
  secrets: TemporaryKeySecrets,
): Promise<PendingEnrollment> {
  const begun = context.clock.now()
  const key = await makeUserKey(offer.userId, begun)
  await assertSubkeyWorks(key)
  const subject = {
    rootFingerprint: document.rootFingerprint,
    generation: document.generation,
    mailbox: offer.mailbox,
    subkeyFingerprint: key.subkeyFingerprint,
  }
  const { request, replyKey } = await sealEnrollmentRequest(document, offer, secrets, {
    certificate: toBase64url(key.certificate),
    keyRevocation: toBase64url(key.keyRevocation),
    subkeyRevocation: toBase64url(key.subkeyRevocation),
    archiveEntry: toBase64url(await sealArchiveEntry(document.archiveKey, subject, key.secretSubkey)),
    agent: AGENT,
  })
  const { mailbox, address, userId } = offer
  const { fingerprint, subkeyFingerprint, validFrom, validTo, secretKey } = key
  return {
    ...{
      begun,
      server,
      mailbox,
      address,
      userId,
      fingerprint,
      subkeyFingerprint,
      validFrom,
      validTo,
      secretKey,
      request,
    },
    pskId: secrets.pskId,
    authority: new Uint8Array(document.bytes),
    replyKey: replyKey.key,
    replyNonce: replyKey.nonce,
  }
}

/** From sending to the end. Every step may be repeated after a crash behind it. */
async function finish(context: Context, { pending, password }: Begun): Promise<EnrollResult> {
  const saved = await exchangeAndSave(context, { pending, password }).catch(async (error: unknown) => {
    const held = await takeFromKeyFile(context, { pending, password })
    if (held === null) throw error
    return held
  })
  await removePending(context.home.pending)
  const { identity, recoveredKeys, keptAside } = saved
  return {
    ...identity,
    keyFile: context.home.keyFile,
    recoveredKeys,
    continued: false,
    keptAside,
    warnings: await reportQuietly(context, identity, pending.secretKey),
  }
}

/** What the key file and the state hold now. */
interface Saved extends Pick<EnrollResult, 'recoveredKeys' | 'keptAside'> {
  readonly identity: Identity
}

async function exchangeAndSave(context: Context, { pending, password }: Begun): Promise<Saved> {
  const reply = await exchange(context, pending)
  const { server } = pending
  await refreshList(context, { server, trust: reply.trust, timeout: context.timeouts.download, floor: reply.crl })
  const identity = identityOf(pending, reply)
  const keptAside = await save(context, { pending, reply, identity, password })
  return { identity, recoveredKeys: reply.recovered.length, keptAside }
}

/**
 * What an earlier run, or another process, has written into the key file already. The reply may be gone by then: the
 * server drops it at the new key's first signed request.
 *
 * @returns null if the key file does not hold this enrollment's key, certified.
 */
async function takeFromKeyFile(context: Context, { pending, password }: Begun): Promise<Saved | null> {
  const bytes = await readIfPresent(context.home.keyFile, LIMITS.keyFile)
  if (bytes === null) return null
  const opened = await openKeyFile(bytes, password, 'the key file').catch(nullIfRefused)
  if (opened?.content.keys[0]?.fingerprint !== pending.fingerprint) return null
  const identity = await certifiedIdentity(opened)
  await context.state.exclusively(async (state) => remember(context, state, { identity, ...opened }))
  return { identity, recoveredKeys: opened.content.recovered.length, keptAside: [] }
}

function nullIfRefused(error: unknown): null {
  if (error instanceof MailsealError) return null
  throw error
}

/** Who we are from here on, and whom we trust. */
function remember(
  { clock }: Context,
  state: StateWriter,
  { identity, document, content }: { identity: Identity; document: Authority; content: KeyFileContent },
): void {
  const { fingerprint, address } = identity
  state.keepAuthority(document)
  state.setIdentity(identity)
  state.keepCertificate({ fingerprint, address, certificate: content.certificate, fetched: clock.now() }, true)
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
    identity,
    password,
  }: { pending: PendingEnrollment; reply: CertifiedReply; identity: Identity; password: string },
): Promise<readonly string[]> {
  const { mailbox, address, server, directoryToken, serial, fingerprint } = identity
  const { document, certificate, recovered } = reply
  const content: KeyFileContent = {
    ...{ mailbox, address, server, directoryToken, certificate, recovered },
    root: document.rootFingerprint,
    authority: new Uint8Array(document.bytes),
    keys: [{ fingerprint, serial, secretKey: pending.secretKey }],
  }
  return context.state.exclusively(async (state) => {
    remember(context, state, { identity, document, content })
    const { united, lock, keptAside } = await uniteWithPresent(context, content, password)
    await writeKeyFile(context.home.keyFile, lock, united)
    return keptAside
  })
}

/**
 * The secrets of a key file that is there already are taken over if the password opens it and it is of the same
 * organization; else it is kept as `.old`.
 */
async function uniteWithPresent(
  context: Context,
  content: KeyFileContent,
  password: string,
): Promise<{ united: KeyFileContent; lock: PasswordLock; keptAside: readonly string[] }> {
  const present = await readIfPresent(context.home.keyFile, LIMITS.keyFile)
  if (present !== null) {
    const opened = await openKeyFile(present, password, 'the key file').catch(nullIfRefused)
    if (opened?.content.root === content.root) {
      return { united: uniteContents(content, opened.content), lock: opened.lock, keptAside: [] }
    }
  }
  // Moved and not copied: as `.previous` it would push out one that may still open.
  const keptAside = present === null ? [] : [await setAside(context.home.keyFile, LIMITS.keyFile)]
  return { united: content, lock: await makeLock(password, context.random), keptAside }
}

/** The first report: shows the administrator that the key arrived. The enrollment stands without it. */
async function reportQuietly(context: Context, identity: Identity, secretKey: Uint8Array): Promise<readonly Warning[]> {
  const authority = context.state.authority()
  if (authority === null) return []
  try {
    await sendReport(context, { identity, trust: await trustOf(authority) }, secretKey)
    return []
  } catch (error) {
    const { message } = asMailsealError(error)
    return [{ code: 'report-failed', message: `the KM server could not be told that the key arrived: ${message}` }]
  }
}
