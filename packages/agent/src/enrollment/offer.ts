import {
  addressOfUserId,
  domainOf,
  equalBytes,
  formatMinute,
  formatSpan,
  LIMITS,
  MailsealError,
  SPANS,
  type TemporaryKeySecrets,
  toBase64url,
} from '@mailseal/common'
import { type Authority, assertSuccessor, readAuthority } from '@mailseal/common/authority'
import { type Offer, readOffer, serverTimeMac } from '@mailseal/common/offer'
import { offerAnswerSchema, PATHS, type RpcClient } from '@mailseal/common/rpc'
import { type Context, connect } from '../context.ts'
import type { Invitation } from './message.ts'
import { assertServerTrusted } from './server-trust.ts'

/** An offer and its organization, checked: it may be sealed to from here on. */
export interface TrustedOffer {
  readonly offer: Offer
  readonly document: Authority
  readonly server: string
}

export interface OfferOptions {
  readonly secrets: TemporaryKeySecrets
  readonly invitation: Invitation | undefined
  readonly server: string | undefined
  readonly address: string | undefined
  /** The root's fingerprint that the user demands. */
  readonly root: string | undefined
}

/** How many document versions back the one of the offer is looked for: an offer lives two weeks. */
const VERSIONS_BACK = 64

/**
 * Gets the offer of a temporary key and the authority document, from the enrollment message and from the server, and
 * checks both in full. Nothing was sealed before; what was sent is the temporary key's name alone.
 *
 * @throws {@link MailsealError} `untrusted`, `clock-wrong`, `server-not-trusted`, `server-unreachable`,
 *   `temporary-key-*`, `usage` if no server is known.
 */
export async function obtainOffer(context: Context, options: OfferOptions): Promise<TrustedOffer> {
  const { secrets, invitation } = options
  const invited = invitation === undefined ? null : readInvitation(invitation, secrets)
  if (invited !== null) assertAcceptable(context, invited.offer, invited.document, options)
  const server = await chooseServer(context, options, invited)
  const client = connect(context, server, context.timeouts.request)
  const answer = await askForOffer(context, client, secrets)
  const offer = readOffer(answer, secrets.macKey)
  if (invited !== null && !equalBytes(offer.bytes, invited.offer.bytes)) {
    throw new MailsealError('untrusted', 'the KM server has another offer than the enrollment message')
  }
  assertIssuedBefore(context, offer)
  const document = readAuthority(answer.authority)
  const anchor = invited?.document ?? (await offeredDocument(client, offer, document))
  assertSuccessor(anchor, document)
  assertAcceptable(context, offer, document, options)
  const pinned = context.state.authority()
  if (pinned !== null) assertSuccessor(pinned, document)
  return { offer, document, server }
}

/** The message's own part of the checks: the temporary key vouches for the offer, the offer for the document. */
function readInvitation(invitation: Invitation, secrets: TemporaryKeySecrets): { offer: Offer; document: Authority } {
  const offer = readOffer(invitation, secrets.macKey)
  const document = readAuthority(invitation.authority)
  if (!equalBytes(document.hash, offer.authority)) throw otherDocument()
  return { offer, document }
}

/** Given by the caller or the configuration, else as the message says if that may be trusted, else as enrolled before. */
async function chooseServer(
  context: Context,
  options: OfferOptions,
  invited: { offer: Offer; document: Authority } | null,
): Promise<string> {
  const given = options.server ?? context.server
  if (given !== null) return given
  if (invited !== null) {
    const { server, address } = invited.offer
    await assertServerTrusted(context, { server, address, document: invited.document, root: options.root })
    return server
  }
  const enrolled = context.state.identity()
  if (enrolled !== null) return enrolled.server
  throw new MailsealError('usage', 'no KM server is known', { hint: 'name it with --server URL' })
}

/** Asks by the temporary key's name, and checks that the clocks agree. */
async function askForOffer(context: Context, client: RpcClient, secrets: TemporaryKeySecrets) {
  const nonce = context.random(16)
  const request = { pskId: toBase64url(secrets.pskId), nonce: toBase64url(nonce) }
  const answer = await client.post(PATHS.offer, request, offerAnswerSchema)
  if (!equalBytes(answer.timeMac, serverTimeMac(secrets.macKey, nonce, answer.time))) {
    throw new MailsealError('untrusted', 'the answer does not come from the KM server that issued the temporary key', {
      hint: 'somebody may stand between you and the KM server; ask your administrator',
    })
  }
  const difference = Math.abs(context.clock.now() - answer.time)
  if (difference > SPANS.clockTolerance) {
    throw new MailsealError(
      'clock-wrong',
      `this computer's clock and that of the KM server differ by ${formatSpan(difference)}`,
    )
  }
  return answer
}

/** The document that the offer names by its hash: the newest, or an older one that the server still has. */
async function offeredDocument(client: RpcClient, offer: Offer, newest: Authority): Promise<Authority> {
  if (equalBytes(newest.hash, offer.authority)) return newest
  const oldest = Math.max(1, newest.version - VERSIONS_BACK)
  for (let version = newest.version - 1; version >= oldest; version--) {
    const answer = await client.getBytes(`${PATHS.authority}?version=${version}`, LIMITS.authorityDocument)
    if (answer === null) break
    const document = readAuthority(answer.bytes)
    if (equalBytes(document.hash, offer.authority)) return document
  }
  throw otherDocument()
}

function assertAcceptable(context: Context, offer: Offer, document: Authority, options: OfferOptions): void {
  const { address } = offer
  if (addressOfUserId(offer.userId) !== address || !document.domains.includes(domainOf(address))) {
    throw new MailsealError('untrusted', `the offer is for ${address}, which is no address of ${document.organization}`)
  }
  if (options.address !== undefined && options.address !== address) {
    throw new MailsealError('untrusted', `the temporary key is for ${address}, not for ${options.address}`)
  }
  if (options.root !== undefined && options.root !== document.rootFingerprint) {
    throw new MailsealError('untrusted', `the root's fingerprint is ${document.rootFingerprint}, not the one demanded`)
  }
  const pinned = context.state.authority()
  if (pinned !== null && pinned.rootFingerprint !== document.rootFingerprint) {
    throw new MailsealError('untrusted', `${document.organization} has another root than the one pinned here`, {
      hint: 'somebody may stand between you and the KM server; ask your administrator',
    })
  }
}

/**
 * Where both clocks were set back since the temporary key was issued, the KM server refuses a certificate that begins
 * before it, and an enrollment that was begun would be refused for ever.
 */
function assertIssuedBefore({ clock }: Context, { issued }: Offer): void {
  if (clock.now() >= issued - SPANS.validFromBeforeIssue) return
  throw new MailsealError(
    'clock-wrong',
    `the temporary key was issued on ${formatMinute(issued)}, which is later than the clocks of this computer and the KM server say`,
    { hint: 'ask your administrator to set the clock of the KM server, or for a new temporary key' },
  )
}

function otherDocument(): MailsealError {
  return new MailsealError(
    'untrusted',
    'the authority document is not the one that the temporary key was issued under',
    {
      hint: 'somebody may stand between you and the KM server; ask your administrator',
    },
  )
}
