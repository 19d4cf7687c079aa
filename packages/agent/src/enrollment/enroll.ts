import {
  asAddress,
  asMailsealError,
  deriveTemporaryKeySecrets,
  equalBytes,
  formatDate,
  MailsealError,
  parseTemporaryKey,
  type TemporaryKeySecrets,
  toBase64url,
} from '@mailseal/common'
import { sealArchiveEntry } from '@mailseal/common/archive-entry'
import { readAuthority } from '@mailseal/common/authority'
import { assertSubkeyWorks, makeUserKey } from '@mailseal/common/certificate'
import { sealEnrollmentRequest } from '@mailseal/common/enrollment'
import type { Context, Enrolled, Warning } from '../context.ts'
import { fetchByAddress } from '../directory.ts'
import { readIfPresent, setAside } from '../files.ts'
import { isSameUser } from '../key-file/content.ts'
import { newPassword } from '../passwords.ts'
import { sendReport } from '../report.ts'
import { AGENT } from '../request.ts'
import type { Identity } from '../state/state.ts'
import { trustOf } from '../trust.ts'
import { foreignWarnings } from '../warnings.ts'
import type { Invitation } from './message.ts'
import { type OfferOptions, obtainOffer, type TrustedOffer } from './offer.ts'
import { openPending, PENDING_LIMIT, type PendingEnrollment, removePending, writePending } from './pending.ts'
import { type Begun, exchangeAndSave, takeFromKeyFile } from './save.ts'
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
 *   `clock-wrong`, `password-wrong`, `revocation-list-refused`, `usage`; `already-exists` if another mailbox is enrolled.
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
    const historyKey = begun.pending.historyKey ?? request.secrets.historyKey
    const result = await finishOrTellHow(context, { ...begun, pending: { ...begun.pending, server, historyKey } })
    return { ...result, continued: true }
  }
  const kept = await settle(context, begun)
  const result = await begin(context, request)
  return { ...result, keptAside: [...kept, ...result.keptAside] }
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
  assertOwnFolder(context, trusted)
  const password = await newPassword(context)
  const pending = await prepare(context, trusted, request.secrets)
  await writePending(context, pending, password)
  return finishOrTellHow(context, { pending, password })
}

/** Another mailbox's keys would take the place of those that are here: who has two needs two folders. */
function assertOwnFolder({ state }: Context, { offer }: TrustedOffer): void {
  const identity = state.identity()
  if (identity === null || isSameUser(identity, offer)) return
  throw new MailsealError(
    'already-exists',
    `this computer is enrolled as ${identity.address}, and the temporary key is for ${offer.address}`,
    { hint: 'use another folder for it: set MAILSEAL_HOME; the temporary key is still good' },
  )
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
    historyKey: secrets.historyKey,
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
  const enrolled = await enrolledAs(context, identity)
  await fetchByAddress(context, enrolled, identity.address)
  return {
    ...identity,
    keyFile: context.home.keyFile,
    recoveredKeys,
    continued: false,
    keptAside,
    warnings: [
      ...saved.warnings,
      ...(await reportQuietly(context, enrolled, pending.secretKey)),
      ...foreignWarnings(context),
    ],
  }
}

async function enrolledAs({ state }: Context, identity: Identity): Promise<Enrolled> {
  const authority = state.authority()
  if (authority === null) throw new TypeError('enrolled without an authority document')
  return { identity, trust: await trustOf(authority) }
}

/** The first report: shows the administrator that the key arrived. The enrollment stands without it. */
async function reportQuietly(context: Context, enrolled: Enrolled, secretKey: Uint8Array): Promise<readonly Warning[]> {
  try {
    await sendReport(context, enrolled, secretKey)
    return []
  } catch (error) {
    const { message } = asMailsealError(error)
    return [{ code: 'report-failed', message: `the KM server could not be told that the key arrived: ${message}` }]
  }
}
