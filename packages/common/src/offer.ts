import { createHmac } from 'node:crypto'
import * as v from 'valibot'
import { concat, equalBytes, sha256, toBase64url, utf8 } from './encoding.ts'
import { MailsealError } from './errors.ts'
import { LIMITS } from './limits.ts'
import { base64url, base64urlOf, count, mailboxId, readFormat, text, writeFormat } from './schema.ts'

const OFFER_LABEL = utf8('mailseal/1 offer\n')
const TIME_LABEL = utf8('mailseal/1 server time\n')

const offerSchema = v.strictObject({
  format: v.literal('mailseal-offer/1'),
  mailbox: mailboxId,
  /** The exact User ID that the CA will certify. */
  userId: v.pipe(text(1024), v.nonEmpty()),
  address: v.pipe(text(LIMITS.addressBytes), v.nonEmpty()),
  /** Where the KM server answers. */
  server: v.pipe(text(2048), v.url()),
  /** When the temporary key was issued and when it ends, Unix seconds. */
  issued: count,
  notAfter: count,
  /** SHA-256 of the authority document under which the key was issued. */
  authority: base64urlOf(32),
})

/** What a temporary key is for; made once with it. */
export type OfferContent = v.InferInput<typeof offerSchema>

/** An offer whose MAC was right: verified from here on. */
export interface Offer extends v.InferOutput<typeof offerSchema> {
  readonly bytes: Uint8Array
  /** SHA-256 of the bytes. */
  readonly hash: Uint8Array<ArrayBuffer>
}

/** An offer as it travels. */
export interface AuthenticatedOffer {
  readonly offer: Uint8Array
  /** 32 bytes. */
  readonly mac: Uint8Array
}

/** Makes an offer and its HMAC-SHA256 under the temporary key's MAC key. */
export function makeOffer(content: Omit<OfferContent, 'format'>, macKey: Uint8Array): AuthenticatedOffer {
  const offer = writeFormat(offerSchema, { ...content, format: 'mailseal-offer/1' }, 'the offer')
  return { offer, mac: hmac(macKey, OFFER_LABEL, offer) }
}

/**
 * Reads an offer that was made with this temporary key.
 *
 * @throws {@link MailsealError} `untrusted` if the MAC is wrong: the offer is of another temporary key, or was changed.
 */
export function readOffer(travelled: AuthenticatedOffer, macKey: Uint8Array): Offer {
  if (travelled.offer.length > LIMITS.offer || !equalBytes(travelled.mac, hmac(macKey, OFFER_LABEL, travelled.offer))) {
    throw new MailsealError('untrusted', 'the offer was not made for this temporary key', {
      hint: 'use the temporary key that belongs to this enrollment message',
    })
  }
  const content = readFormat(offerSchema, travelled.offer, 'the offer', LIMITS.offer)
  return { ...content, bytes: travelled.offer, hash: sha256(travelled.offer) }
}

/** HMAC of the server's time for one agent's nonce, so that nobody between them can shift the agent's clock check. */
export function serverTimeMac(macKey: Uint8Array, nonce: Uint8Array, time: number): Uint8Array<ArrayBuffer> {
  return hmac(macKey, TIME_LABEL, concat(nonce, utf8(String(time))))
}

function hmac(key: Uint8Array, label: Uint8Array, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHmac('sha256', key).update(label).update(bytes).digest())
}

const attachmentSchema = v.strictObject({
  format: v.literal('mailseal-enrollment/1'),
  offer: base64url(LIMITS.offer),
  mac: base64urlOf(32),
  authority: base64url(LIMITS.authorityDocument),
})

/** The enrollment message's attachment: everything public that an enrollment needs. */
export const ATTACHMENT = {
  filename: 'enrollment.mailseal',
  contentType: 'application/vnd.mailseal.enrollment',
} as const

/** Writes the attachment's content. */
export function writeAttachment(offer: AuthenticatedOffer, authority: Uint8Array): Uint8Array<ArrayBuffer> {
  const content = {
    format: 'mailseal-enrollment/1',
    offer: toBase64url(offer.offer),
    mac: toBase64url(offer.mac),
    authority: toBase64url(authority),
  } as const
  return writeFormat(attachmentSchema, content, 'the attachment')
}

/**
 * Reads the attachment's content; nothing in it is verified yet.
 *
 * @throws {@link MailsealError} `bad-data`.
 */
export function readAttachment(bytes: Uint8Array): AuthenticatedOffer & { authority: Uint8Array } {
  return readFormat(attachmentSchema, bytes, 'the enrollment attachment', LIMITS.enrollmentMessage)
}
