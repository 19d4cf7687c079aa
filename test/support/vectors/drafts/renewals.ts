import { concat, toBase64url, utf8 } from '@mailseal/common'
import { makeRenewal, parseCertificate, signMessage } from '@mailseal/common/certificate'
import * as openpgp from 'openpgp'
import { validToOf } from '../../../../packages/common/src/certificate/dates.ts'
import type { Draft } from '../format.ts'
import { evaluationHeaders } from './certified.ts'
import { slug } from './changes.ts'
import { binding, bindingBy, issuerOf, overUserId, put, selfBy, selfSignature, u32 } from './hand-made.ts'
import { type HandMade, SUBPACKET, signByHand, takeApart } from './packets.ts'
import { alice, aliceSecret, ca, certified, mallory, mallorySecret, NOW, SERIAL } from './world.ts'

const RENEWED = NOW + 400 * 86_400
const renewed = await makeRenewal(aliceSecret, await parseCertificate(certified), RENEWED)
const renewalHeaders = {
  'self-signature': toBase64url(renewed.selfSignature),
  binding: toBase64url(renewed.binding),
  'valid-from': String(RENEWED),
}
const badRenewal = (what: string, changes: Partial<typeof renewalHeaders>, body: Uint8Array = certified): Draft => ({
  name: slug(what),
  about: `refused: ${what}`,
  headers: { ...renewalHeaders, ...changes },
  body,
  expect: 'bad-data',
})
const renewedSelf = takeApart(renewed.selfSignature)
const renewedBinding = takeApart(renewed.binding)
const byMallory = await makeRenewal(mallorySecret, await parseCertificate(mallory.certificate), RENEWED)
const selfOf = async (made: HandMade) => ({ 'self-signature': toBase64url(await selfBy(made)) })
const boundOf = async (made: HandMade) => ({ binding: toBase64url(await bindingBy(made)) })

export const renewals: readonly Draft[] = [
  {
    name: 'good',
    about: 'the certificate of the vector "certified-certificate/good" after 400 days',
    headers: { ...renewalHeaders, 'secret-key': toBase64url(alice.secretKey) },
    body: certified,
  },
  badRenewal('another time than the request', { 'valid-from': String(RENEWED + 1) }),
  badRenewal('the self-signature of the enrollment', { 'self-signature': toBase64url(selfSignature) }),
  badRenewal('the binding of the enrollment', { binding: toBase64url(binding) }),
  badRenewal('the two in the place of each other', {
    'self-signature': renewalHeaders.binding,
    binding: renewalHeaders['self-signature'],
  }),
  badRenewal(
    'a life that is counted from the renewal',
    await selfOf(put(renewedSelf, SUBPACKET.keyExpires, u32(validToOf(RENEWED) - RENEWED))),
  ),
  badRenewal(
    'a self-signature for certifying alone',
    await selfOf(put(renewedSelf, SUBPACKET.flags, Uint8Array.of(0x01))),
  ),
  badRenewal('a binding for signing', await boundOf(put(renewedBinding, SUBPACKET.flags, Uint8Array.of(0x02)))),
  badRenewal(
    'a binding with an unhashed area',
    await boundOf({ ...renewedBinding, unhashed: [issuerOf(renewedBinding)] }),
  ),
  badRenewal('a self-signature that another key made in the name of this one', {
    'self-signature': toBase64url(await signByHand(mallorySecret, overUserId, renewedSelf)),
  }),
  badRenewal('the self-signature of another key', { 'self-signature': toBase64url(byMallory.selfSignature) }),
  badRenewal('the certificate of another key', {}, mallory.certificate),
  badRenewal('a self-signature with something behind', {
    'self-signature': toBase64url(concat(renewed.selfSignature, renewed.binding)),
  }),
  badRenewal('a letter as self-signature', {
    'self-signature': toBase64url(await unarmored(await signMessage(aliceSecret, utf8('a letter'), RENEWED))),
  }),
]

async function unarmored(armor: string): Promise<Uint8Array> {
  const { data } = await openpgp.unarmor(armor)
  return new Uint8Array(data as Uint8Array)
}

/* End of use. */

const endHeaders = {
  'ca-secret-key': toBase64url(ca.secretKey),
  ...evaluationHeaders,
  serial: SERIAL,
  at: String(NOW + 1000),
  'subkey-revocation': toBase64url(alice.subkeyRevocation),
}
const HARD = ['compromised', 'unspecified']

export const endsOfUse: readonly Draft[] = [
  ...['replaced', 'superseded', 'left', 'compromised', 'unspecified'].map(
    (why): Draft => ({
      name: why,
      about: `what is published when the reason is ${why}: 0x30, 0x28${HARD.includes(why) ? ' and 0x20' : ''}`,
      headers: {
        ...endHeaders,
        reason: why,
        'key-revocation': HARD.includes(why) ? toBase64url(alice.keyRevocation) : 'none',
      },
      body: certified,
    }),
  ),
  {
    name: 'damaged-subkey-revocation',
    about: 'refused: a subkey revocation that is cut off',
    headers: {
      ...endHeaders,
      reason: 'left',
      'key-revocation': 'none',
      'subkey-revocation': toBase64url(alice.subkeyRevocation.subarray(0, -1)),
    },
    body: certified,
    expect: 'bad-data',
  },
]
