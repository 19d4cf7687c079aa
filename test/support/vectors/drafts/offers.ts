import { createHmac } from 'node:crypto'
import { type ErrorCode, toBase64url, toHex, utf8 } from '@mailseal/common'
import { makeOffer, serverTimeMac, writeAttachment } from '@mailseal/common/offer'
import type { Draft } from '../format.ts'
import {
  bitChanges,
  type Change,
  type JsonObject,
  otherForms,
  slug,
  sortedBytes,
  withEach,
  withoutEach,
} from './changes.ts'
import { authorityBytes, bytesOf, madeOffer, NOW, offerContent, secrets } from './world.ts'

const short = toBase64url(bytesOf('short').subarray(0, 31))
const offerText = new TextDecoder().decode(madeOffer.offer)
const macOf = (bytes: Uint8Array) =>
  toHex(new Uint8Array(createHmac('sha256', secrets.macKey).update('mailseal/1 offer\n').update(bytes).digest()))
const macKey = toHex(secrets.macKey)

const goodOffer = (name: string, about: string, changes: Partial<typeof offerContent>): Draft => {
  const { offer, mac } = makeOffer({ ...offerContent, ...changes }, secrets.macKey)
  return { name, about, headers: { 'mac-key': macKey, mac: toHex(mac) }, body: offer }
}

const badOffer = (what: string, body: Uint8Array, expect: ErrorCode, mac = macOf(body)): Draft => ({
  name: slug(what),
  about: `refused: ${what}`,
  headers: { 'mac-key': macKey, mac },
  body,
  expect,
})

const offered = JSON.parse(offerText) as JsonObject
const WRONG_OFFERS: Change[] = [
  ...withoutEach(offered),
  ...withEach(offered, {
    format: [['of another version', 'mailseal-offer/2']],
    mailbox: [
      ['too short', offerContent.mailbox.slice(1)],
      ['in capitals', offerContent.mailbox.toUpperCase()],
    ],
    userId: [
      ['empty', ''],
      ['too long', 'x'.repeat(1025)],
    ],
    address: [
      ['empty', ''],
      ['too long', `${'x'.repeat(250)}@a.example`],
    ],
    server: [['that is no URL', 'mailseal.example.org']],
    issued: [
      ['negative', -1],
      ['a fraction', 1.5],
    ],
    notAfter: [['a string', '1790000000']],
    authority: [['too short', short]],
  }),
]

export const offers: readonly Draft[] = [
  goodOffer('good', 'an offer and its MAC', {}),
  goodOffer('without-a-name', 'the User ID of a mailbox without a name', { userId: '<alice@example.org>' }),
  goodOffer('not-only-ascii', 'a name beyond ASCII', { userId: 'M\u00fcller, Alice <alice@example.org>' }),
  ...WRONG_OFFERS.map(([what, changed]) => badOffer(what, sortedBytes(changed), 'bad-data')),
  ...otherForms(offerText).map(([what, body]) => badOffer(what, body, 'bad-data')),
  ...bitChanges(madeOffer.offer, { 'a bit changed': 40 }).map(([what, body]) =>
    badOffer(what, body, 'untrusted', toHex(madeOffer.mac)),
  ),
  badOffer(
    'the MAC of another temporary key',
    madeOffer.offer,
    'untrusted',
    toHex(makeOffer(offerContent, bytesOf('other MAC key')).mac),
  ),
  badOffer('a MAC that is cut off', madeOffer.offer, 'untrusted', toHex(madeOffer.mac.subarray(0, 16))),
  badOffer(
    'a MAC without the label',
    madeOffer.offer,
    'untrusted',
    createHmac('sha256', secrets.macKey).update(madeOffer.offer).digest('hex'),
  ),
]

const nonce = bytesOf('nonce').subarray(0, 16)
const timeOf = (name: string, about: string, time: number, key = secrets.macKey, salt: Uint8Array = nonce): Draft => ({
  name,
  about,
  headers: { 'mac-key': toHex(key), nonce: toHex(salt), time: String(time) },
  body: utf8(toHex(serverTimeMac(key, salt, time))),
})

export const serverTimes: readonly Draft[] = [
  timeOf('good', "the MAC of the server's time", NOW),
  timeOf('a-second-later', 'another time has another MAC', NOW + 1),
  timeOf(
    'another-nonce',
    'another nonce has another MAC',
    NOW,
    secrets.macKey,
    bytesOf('another nonce').subarray(0, 16),
  ),
  timeOf('long-ago', 'times are written without leading zeros', 0),
]

const attached = writeAttachment(madeOffer, authorityBytes)
const attachedText = new TextDecoder().decode(attached)
const attachedObject = JSON.parse(attachedText) as JsonObject
const badAttachment = (what: string, body: Uint8Array): Draft => ({
  name: slug(what),
  about: `refused: ${what}`,
  headers: {},
  body,
  expect: 'bad-data',
})

export const attachments: readonly Draft[] = [
  { name: 'good', about: "the enrollment message's attachment", headers: {}, body: attached },
  ...[
    ...withoutEach(attachedObject),
    ...withEach(attachedObject, {
      format: [['of another version', 'mailseal-enrollment/2']],
      mac: [['too short', short]],
      offer: [['that is not base64url', '{}']],
    }),
  ].map(([what, changed]) => badAttachment(what, sortedBytes(changed))),
  ...otherForms(attachedText)
    .filter(([what]) => !what.includes('a number'))
    .map(([what, body]) => badAttachment(what, body)),
]
