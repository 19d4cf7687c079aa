import { concat, toBase64url } from '@mailseal/common'
import { parseCertificate, revokeCertification } from '@mailseal/common/certificate'
import { SIGNATURE, writePackets } from '../../../../packages/common/src/certificate/packets.ts'
import { asJson, type Draft } from '../format.ts'
import { bitChanges } from './changes.ts'
import {
  binding,
  isType,
  more,
  noteOf,
  overUserId,
  primary,
  selfSignature,
  subkey,
  userId,
  without,
} from './hand-made.ts'
import { type HandMade, packetsOf, SUBPACKET, type Subpacket, signByHand, takeApart } from './packets.ts'
import { alice, ca, caSecret, certified, DOMAINS, mallory, mallorySecret, NOW, retiredCa, SERIAL } from './world.ts'

const active = asJson([{ certificate: ca.certificate, state: 'active' }])
/** The CA of the vectors, as an authority document names it. */
export const evaluationHeaders = { authorities: active, domains: DOMAINS.join(',') }
const evaluated = (
  name: string,
  about: string,
  body: Uint8Array,
  headers: Partial<typeof evaluationHeaders> = {},
): Draft => ({
  name,
  about,
  headers: { ...evaluationHeaders, ...headers },
  body,
})

const certification = takeApart((packetsOf(certified)[3] as Uint8Array) ?? new Uint8Array())
const certifiedBy = async (made: HandMade, signer = caSecret) =>
  concat(primary, userId, selfSignature, await signByHand(signer, overUserId, made), subkey, binding)
const serialNote = noteOf('mailseal-serial@example.org', SERIAL)
const fromNote = noteOf('mailseal-valid-from@example.org', String(NOW))
const plain = certification.hashed.filter((one) => !isType(SUBPACKET.notation)(one))
const noted = (...notes: readonly Subpacket[]): HandMade => ({ ...certification, hashed: [...plain, ...notes] })

const alicesCertificate = await parseCertificate(alice.certificate)
const revokedBy = async (options: { reason: string; at: number }) => {
  const made = await revokeCertification(caSecret, alicesCertificate, {
    serial: SERIAL,
    domain: 'example.org',
    ...options,
  })
  return concat(
    primary,
    userId,
    selfSignature,
    packetsOf(certified)[3] as Uint8Array,
    writePackets(made),
    subkey,
    binding,
  )
}

export const certifiedCertificates: readonly Draft[] = [
  {
    ...evaluated('good', 'certified once', certified),
    headers: {
      ...evaluationHeaders,
      'ca-secret-key': toBase64url(ca.secretKey),
      uncertified: toBase64url(alice.certificate),
    },
  },
  evaluated('by-a-retired-ca', 'a retired CA counts', certified, {
    authorities: asJson([{ certificate: ca.certificate, state: 'retired' }]),
  }),
  evaluated('by-a-compromised-ca', 'a compromised CA never counts', certified, {
    authorities: asJson([{ certificate: ca.certificate, state: 'compromised' }]),
  }),
  evaluated('by-another-ca', 'nor does a CA that the document does not name', certified, {
    authorities: asJson([{ certificate: retiredCa.certificate, state: 'active' }]),
  }),
  evaluated('of-another-domain', 'nor one whose notations are named by a domain of another organization', certified, {
    domains: 'example.com',
  }),
  evaluated('named-by-the-second-domain', 'any domain of the organization may name the notations', certified, {
    domains: 'example.com,example.org',
  }),
  evaluated('not-certified', 'the certificate before it was certified', alice.certificate),
  evaluated(
    'by-hand',
    'the certification of the vector "good", its notations in the same order',
    await certifiedBy(noted(serialNote, fromNote)),
  ),
  evaluated(
    'notations-the-other-way-round',
    'the order of the notations does not matter',
    await certifiedBy(noted(fromNote, serialNote)),
  ),
  evaluated('without-serial-number', 'no serial number: not counted', await certifiedBy(noted(fromNote))),
  evaluated(
    'two-serial-numbers',
    'two serial numbers: not counted',
    await certifiedBy(noted(serialNote, noteOf('mailseal-serial@example.org', '0000000000000001'), fromNote)),
  ),
  evaluated(
    'two-serial-numbers-of-two-domains',
    'two serial numbers, one of another organization: not counted',
    await certifiedBy(noted(serialNote, noteOf('mailseal-serial@example.com', SERIAL), fromNote)),
  ),
  evaluated(
    'serial-number-zero',
    'serial number 0: not counted',
    await certifiedBy(noted(noteOf('mailseal-serial@example.org', '0'.repeat(16)), fromNote)),
  ),
  evaluated(
    'serial-number-in-capitals',
    'a serial number in capitals: not counted',
    await certifiedBy(noted(noteOf('mailseal-serial@example.org', SERIAL.toUpperCase()), fromNote)),
  ),
  evaluated(
    'serial-number-too-short',
    'a serial number of 15 digits: not counted',
    await certifiedBy(noted(noteOf('mailseal-serial@example.org', SERIAL.slice(1)), fromNote)),
  ),
  evaluated(
    'serial-number-not-readable',
    'a serial number that is not marked as text: not counted',
    await certifiedBy(noted(noteOf('mailseal-serial@example.org', SERIAL, 0x00), fromNote)),
  ),
  evaluated(
    'serial-number-unhashed',
    'a serial number outside the hashed area: not counted',
    await certifiedBy({ ...noted(fromNote), unhashed: [serialNote] }),
  ),
  evaluated('without-valid-from', 'no valid-from: not counted', await certifiedBy(noted(serialNote))),
  evaluated(
    'valid-from-with-zero',
    'a valid-from with a leading zero: not counted',
    await certifiedBy(noted(serialNote, noteOf('mailseal-valid-from@example.org', `0${NOW}`))),
  ),
  evaluated(
    'without-expiry',
    'no expiry: not counted',
    await certifiedBy(without(certification, SUBPACKET.signatureExpires)),
  ),
  evaluated(
    'of-another-type',
    'a 0x10 in place of the 0x13: not counted',
    await certifiedBy({ ...certification, type: SIGNATURE.certGeneric }),
  ),
  evaluated(
    'with-a-critical-notation',
    'a critical notation that nobody knows: not counted',
    await certifiedBy(more(certification, { ...noteOf('unknown@example.org', 'x'), type: 0x80 | SUBPACKET.notation })),
  ),
  evaluated(
    'signed-by-another-key',
    'it names the CA, and another key signed: not counted',
    await certifiedBy(certification, mallorySecret),
  ),
  evaluated(
    'bit-changed',
    'a bit of the signature changed: not counted',
    concat(
      primary,
      userId,
      selfSignature,
      ...bitChanges(packetsOf(certified)[3] as Uint8Array, { bit: -1 }).map(([, bytes]) => bytes),
      subkey,
      binding,
    ),
  ),
  evaluated(
    'revoked-replaced',
    'the CA revoked it because it was replaced',
    await revokedBy({ reason: 'replaced', at: NOW + 100 }),
  ),
  evaluated(
    'revoked-left',
    'the CA revoked it because its user left',
    await revokedBy({ reason: 'left', at: NOW + 100 }),
  ),
  evaluated(
    'revoked-by-its-key',
    'the key revoked itself',
    concat(primary, alice.keyRevocation, ...packetsOf(certified).slice(1)),
  ),
  evaluated(
    'revoked-by-another-key',
    'a revocation by another key does not count',
    concat(primary, mallory.keyRevocation, ...packetsOf(certified).slice(1)),
  ),
  { ...evaluated('cut-off', 'refused: cut off', certified.subarray(0, -1)), expect: 'bad-data' },
  {
    ...evaluated(
      'two-user-ids',
      'refused: two user ids',
      concat(primary, userId, userId, selfSignature, subkey, binding),
    ),
    expect: 'bad-data',
  },
]
