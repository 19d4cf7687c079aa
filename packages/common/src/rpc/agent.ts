import * as v from 'valibot'
import { LIMITS } from '../limits.ts'
import { base64url, base64urlOf, count, hex, text } from '../schema.ts'

/* The users' interface, and what everybody may ask. Binary members are base64url on the wire; times are Unix seconds. */

/** `GET /`. */
export const aboutSchema = v.strictObject({ name: v.literal('mailseal-server'), version: text(64) })

/** `POST /v1/enrollment/offer`: the offer of a temporary key, for an agent that has no enrollment message. */
export const offerRequestSchema = v.strictObject({ pskId: base64urlOf(32), nonce: base64urlOf(16) })
export const offerAnswerSchema = v.strictObject({
  offer: base64url(LIMITS.offer),
  mac: base64urlOf(32),
  /** The newest authority document of the offer's root. */
  authority: base64url(LIMITS.authorityDocument),
  /** The server's clock, under {@link serverTimeMac} with the agent's nonce. */
  time: count,
  timeMac: base64urlOf(32),
})

/** `POST /v1/enrollment/request`. */
export const enrollRequestSchema = v.strictObject({ request: base64url(LIMITS.enrollmentRequest) })
export const enrollAnswerSchema = v.strictObject({
  reply: base64url(LIMITS.enrollmentReply),
})

/** `POST /v1/requests`: a signed request of a user. */
export const signedRequestSchema = v.strictObject({
  request: base64url(LIMITS.signedRequest),
  signature: base64url(LIMITS.signature),
})
export const reportAnswerSchema = v.strictObject({
  /** Number of the current revocation list. */
  crlNumber: count,
})
export const renewAnswerSchema = v.strictObject({
  /** The key's certificate with its newest certification, for a repeat and a second computer as well. */
  certificate: base64url(LIMITS.certificate),
  serial: hex(16),
})
export const revokeAnswerSchema = v.strictObject({
  /** The serial numbers that stand on the list now. */
  serials: v.array(hex(16)),
  /** Number of the list that is out with them. */
  crlNumber: count,
})

/** `GET /v1/directory?after=CURSOR`: a page of the current certificates. */
export const directoryAnswerSchema = v.strictObject({
  certificates: v.pipe(
    v.array(
      v.strictObject({
        address: text(LIMITS.addressBytes),
        fingerprint: hex(40),
        certificate: base64url(LIMITS.certificate),
      }),
    ),
    v.maxLength(LIMITS.directoryPage),
  ),
  next: v.nullable(text(LIMITS.addressBytes)),
})

/** Paths of the interface, each in one place for both sides. */
export const PATHS = {
  about: '/',
  authority: '/v1/authority',
  /** Certificates of the CAs, for OpenPGP programs. */
  authorities: '/v1/ca',
  crl: '/v1/crl',
  certificates: '/v1/certificates/',
  directory: '/v1/directory',
  offer: '/v1/enrollment/offer',
  enroll: '/v1/enrollment/request',
  requests: '/v1/requests',
  tasks: '/v1/tasks/',
  enrollmentMessages: '/v1/enrollment-messages',
} as const
