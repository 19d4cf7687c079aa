import { concat, utf8 } from '@mailseal/common'
import {
  type HandMade,
  packetsOf,
  SUBPACKET,
  type Subpacket,
  signByHand,
  signedKey,
  signedUserId,
  takeApart,
} from './packets.ts'
import { alice, aliceSecret } from './world.ts'

/* Alice's certificate taken apart, and ways to put it together with something changed. */

/** A user's certificate, packet by packet. */
export type FivePackets = [
  primary: Uint8Array,
  userId: Uint8Array,
  self: Uint8Array,
  subkey: Uint8Array,
  binding: Uint8Array,
]
export const [primary, userId, selfSignature, subkey, binding] = packetsOf(alice.certificate) as FivePackets

export const overUserId = concat(signedKey(primary), signedUserId(userId))
export const overSubkey = concat(signedKey(primary), signedKey(subkey))
export const self = takeApart(selfSignature)
export const bound = takeApart(binding)

export const isType = (type: number) => (one: Subpacket) => (one.type & 0x7f) === type
export const u32 = (value: number) =>
  Uint8Array.of(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255)
export const put = (made: HandMade, type: number, content: Uint8Array): HandMade => ({
  ...made,
  hashed: made.hashed.map((one) => (isType(type)(one) ? { ...one, content } : one)),
})
export const without = (made: HandMade, type: number): HandMade => ({
  ...made,
  hashed: made.hashed.filter((one) => !isType(type)(one)),
})
export const more = (made: HandMade, one: Subpacket): HandMade => ({ ...made, hashed: [...made.hashed, one] })
export const uncritical = (made: HandMade, type: number): HandMade => ({
  ...made,
  hashed: made.hashed.map((one) => (isType(type)(one) ? { ...one, type } : one)),
})
export const issuerOf = (made: HandMade) => made.hashed.find(isType(SUBPACKET.issuer)) as Subpacket
export const noteOf = (name: string, value: string, flags = 0x80): Subpacket => ({
  type: SUBPACKET.notation,
  content: concat(Uint8Array.of(flags, 0, 0, 0, 0, name.length, 0, value.length), utf8(name), utf8(value)),
})

export const selfBy = (made: HandMade) => signByHand(aliceSecret, overUserId, made)
export const bindingBy = (made: HandMade) => signByHand(aliceSecret, overSubkey, made)
export const withSelf = async (made: HandMade) => concat(primary, userId, await selfBy(made), subkey, binding)
export const withBinding = async (made: HandMade) =>
  concat(primary, userId, selfSignature, subkey, await bindingBy(made))
