import { deriveTemporaryKeySecrets, parseTemporaryKey, sha256, toHex } from '@mailseal/common'
import { readAuthority } from '@mailseal/common/authority'
import {
  type EnrollmentReplyContent,
  type EnrollmentRequestContent,
  openEnrollmentReply,
  openEnrollmentRequest,
  readRequestPreamble,
  sealEnrollmentReply,
  sealEnrollmentRequest,
} from '@mailseal/common/enrollment'
import { makeOffer, type OfferContent, readOffer } from '@mailseal/common/offer'
import { type ReplyKey, sealingKeyPairOf } from '@mailseal/common/sealed-channel'
import { asJson, type Format, type Given } from '../format.ts'
import { withRandomness } from '../randomness.ts'

const secretsOf = (given: Given) => deriveTemporaryKeySecrets(parseTemporaryKey(given.text('temporary-key')))

/** An enrollment request at the KM server, which finds document and temporary key by what stands in the clear. */
export const enrollmentRequest: Format = {
  name: 'enrollment-request',
  inputs: ['temporary-key', 'authority', 'enrollment-private-key'],
  results: ['content', 'reply-key', 'reply-nonce'],
  makings: ['offer', 'randomness'],
  async read(given) {
    readRequestPreamble(given.body)
    const enrollmentKey = sealingKeyPairOf(given.hex('enrollment-private-key'))
    const documentHash = sha256(given.bytes('authority'))
    const opened = await openEnrollmentRequest(enrollmentKey, documentHash, secretsOf(given), given.body)
    return {
      content: asJson(opened.content),
      'reply-key': toHex(opened.replyKey.key),
      'reply-nonce': toHex(opened.replyKey.nonce),
    }
  },
  async write(given) {
    const secrets = secretsOf(given)
    const { format: _offer, ...offered } = given.json<OfferContent>('offer')
    const offer = readOffer(makeOffer(offered, secrets.macKey), secrets.macKey)
    const {
      format: _format,
      offer: _hash,
      ...content
    } = given.json<EnrollmentRequestContent & { format: string }>('content')
    const document = readAuthority(given.bytes('authority'))
    const { request, replyKey } = await withRandomness(given.text('randomness'), () =>
      sealEnrollmentRequest(document, offer, secrets, content),
    )
    return { body: request, headers: { 'reply-key': toHex(replyKey.key), 'reply-nonce': toHex(replyKey.nonce) } }
  },
}

const replyKeyOf = (given: Given): ReplyKey => ({ key: given.hex('reply-key'), nonce: given.hex('reply-nonce') })

/** The reply to an enrollment request at the agent. */
export const enrollmentReply: Format = {
  name: 'enrollment-reply',
  inputs: ['request', 'reply-key', 'reply-nonce'],
  results: ['content'],
  makings: [],
  async read(given) {
    return { content: asJson(openEnrollmentReply(replyKeyOf(given), given.bytes('request'), given.body)) }
  },
  async write(given) {
    const { format: _, ...content } = given.json<EnrollmentReplyContent & { format: string }>('content')
    return { body: sealEnrollmentReply(replyKeyOf(given), given.bytes('request'), content) }
  },
}
