import { asText, toHex, utf8 } from '@mailseal/common'
import {
  makeOffer,
  type OfferContent,
  readAttachment,
  readOffer,
  serverTimeMac,
  writeAttachment,
} from '@mailseal/common/offer'
import type { Format } from '../format.ts'

/** An offer and its MAC. */
export const offer: Format = {
  name: 'offer',
  inputs: ['mac-key', 'mac'],
  results: ['hash'],
  makings: [],
  async read(given) {
    const { hash } = readOffer({ offer: given.body, mac: given.hex('mac') }, given.hex('mac-key'))
    return { hash: toHex(hash) }
  },
  async write(given) {
    const { format: _, ...content } = JSON.parse(asText(given.body, 'the offer')) as OfferContent
    const made = makeOffer(content, given.hex('mac-key'))
    return { body: made.offer, headers: { mac: toHex(made.mac) } }
  },
}

/** The MAC of the server's time, in hex. */
export const serverTime: Format = {
  name: 'server-time',
  inputs: ['mac-key', 'nonce', 'time'],
  results: [],
  makings: [],
  read: async () => ({}),
  async write(given) {
    return { body: utf8(toHex(serverTimeMac(given.hex('mac-key'), given.hex('nonce'), given.number('time')))) }
  },
}

/** The enrollment message's attachment. */
export const attachment: Format = {
  name: 'attachment',
  inputs: [],
  results: ['offer', 'mac', 'authority'],
  makings: [],
  async read({ body }) {
    const { offer, mac, authority } = readAttachment(body)
    return { offer: toHex(offer), mac: toHex(mac), authority: toHex(authority) }
  },
  async write(given) {
    const travelled = { offer: given.hex('offer'), mac: given.hex('mac') }
    return { body: writeAttachment(travelled, given.hex('authority')) }
  },
}
