import * as openpgp from 'openpgp'
import type { Random } from '../clock.ts'
import { toHex } from '../encoding.ts'
import { addressOfUserId } from '../names.ts'
import { type Certificate, parseCertificate, writeCertificate } from './certificate.ts'
import {
  createdAt,
  issuerFingerprint,
  isValidSignature,
  makeSignature,
  notation,
  SIGNATURE,
  type SignedData,
  seconds,
} from './packets.ts'

const SERIAL = 'mailseal-serial@'
const VALID_FROM = 'mailseal-valid-from@'
const REASON = 'mailseal-reason@'

/** A new serial number: 64 random bits, never 0, as 16 lower-case hex digits. */
export function generateSerial(random: Random): string {
  for (;;) {
    const serial = toHex(random(8))
    if (serial !== '0000000000000000') return serial
  }
}

/** Whether a string is a serial number in the form in which it is stored and shown. */
export function isSerial(text: string): boolean {
  return /^[0-9a-f]{16}$/.test(text) && text !== '0000000000000000'
}

/**
 * The CA's 0x13 over the certificate's User ID with serial number and validity, set behind the self-signatures.
 *
 * @param options.domain - The organization's first domain; it names the notations.
 * @param options.validFrom - Unix seconds; the certification is dated then, or at the CA's creation if that is later.
 * @returns The certificate with the certification, binary.
 */
export async function certify(
  authority: openpgp.SecretKeyPacket,
  certificate: Certificate,
  options: { serial: string; domain: string; validFrom: number; validTo: number },
): Promise<Uint8Array<ArrayBuffer>> {
  const at = Math.max(options.validFrom, seconds(authority.created))
  const data = { key: certificate.primary, userID: certificate.userIdPacket }
  const certification = await makeSignature(SIGNATURE.certPositive, authority, data, at, {
    signatureExpirationTime: options.validTo - at,
    rawNotations: [
      notation(SERIAL + options.domain, options.serial),
      notation(VALID_FROM + options.domain, String(options.validFrom)),
    ],
  })
  return writeCertificate({ ...certificate, userIdSignatures: [...certificate.userIdSignatures, certification] })
}

/**
 * The CA's 0x30 over the certificate's User ID: published when the key's use ends (DESIGN: end of use).
 *
 * @param options.serial - Serial number of the newest certification, repeated.
 * @param options.reason - The revocation list's word; only `replaced` spares what was signed before.
 * @param options.at - Unix seconds; never before the newest certification.
 */
export async function revokeCertification(
  authority: openpgp.SecretKeyPacket,
  certificate: Certificate,
  options: { serial: string; domain: string; reason: string; at: number },
): Promise<openpgp.SignaturePacket> {
  const data = { key: certificate.primary, userID: certificate.userIdPacket }
  return makeSignature(SIGNATURE.certRevocation, authority, data, options.at, {
    reasonForRevocationFlag: openpgp.enums.reasonForRevocation.userIDInvalid,
    reasonForRevocationString: '',
    rawNotations: [
      notation(SERIAL + options.domain, options.serial),
      notation(REASON + options.domain, options.reason),
    ],
  })
}

/** A CA as an agent trusts it. */
export interface TrustedAuthority {
  /** Lower-case hex. */
  readonly fingerprint: string
  readonly key: openpgp.PublicKeyPacket
  readonly state: 'active' | 'retired' | 'compromised'
}

/** One valid certification of a certificate. Times are Unix seconds. */
export interface Certification {
  readonly serial: string
  readonly authority: string
  readonly validFrom: number
  readonly validTo: number
}

/** A valid revocation that the certificate itself carries. */
export interface CarriedRevocation {
  /** `key`: a 0x20 by the key itself; `certification`: a 0x30 by a CA. */
  readonly kind: 'key' | 'certification'
  /** Unix seconds. */
  readonly at: number
  /** The CRL's word for the reason where the CA gave it. */
  readonly reason: string | null
}

/** A certificate with what is true of it by itself, before any date and any revocation list is looked at. */
export interface EvaluatedCertificate {
  readonly fingerprint: string
  readonly userId: string
  /** The address in its User ID; null if it has none. */
  readonly address: string | null
  readonly primary: openpgp.PublicKeyPacket
  /** Unix seconds. */
  readonly created: number
  readonly certifications: readonly Certification[]
  readonly revocations: readonly CarriedRevocation[]
}

/**
 * Finds out who certified a certificate, under which serial numbers and for how long, and who revoked it.
 * A certification counts if it is a right 0x13 by an active or retired CA over the one User ID, with an expiry and
 * exactly one well-formed serial notation and valid-from notation in the hashed area.
 *
 * @param bytes - Binary, attacker-controlled.
 * @param domains - The organization's domains, any of which may name the notations.
 * @throws {@link MailsealError} `bad-data` if it is no certificate of a mailbox's shape.
 */
export async function evaluateCertificate(
  bytes: Uint8Array,
  authorities: readonly TrustedAuthority[],
  domains: readonly string[],
): Promise<EvaluatedCertificate> {
  const certificate = await parseCertificate(bytes)
  const { primary, userIdPacket } = certificate
  const certifications: Certification[] = []
  const revocations: CarriedRevocation[] = []
  const data = { key: primary, userID: userIdPacket }
  for (const signature of certificate.userIdSignatures) {
    const authority = authorities.find((one) => one.fingerprint === issuerFingerprint(signature))
    if (authority === undefined || authority.state === 'compromised') continue
    if (await isValidSignature(signature, SIGNATURE.certPositive, authority.key, data)) {
      const certification = readCertification(signature, authority, domains)
      if (certification !== null) certifications.push(certification)
    } else if (await isValidSignature(signature, SIGNATURE.certRevocation, authority.key, data)) {
      const reason = soleNotation(signature, REASON, domains)
      revocations.push({ kind: 'certification', at: createdAt(signature), reason })
    }
  }
  for (const signature of certificate.primarySignatures) {
    if (await isValidSignature(signature, SIGNATURE.keyRevocation, primary, { key: primary })) {
      revocations.push({ kind: 'key', at: createdAt(signature), reason: null })
    }
  }
  return {
    fingerprint: certificate.fingerprint,
    userId: certificate.userId,
    address: addressOfUserId(certificate.userId),
    primary,
    created: seconds(primary.created),
    certifications,
    revocations,
  }
}

/**
 * The certificate with those of its signatures alone that are right, by its own key or by a CA: anybody can add others.
 *
 * @param bytes - Binary, attacker-controlled.
 * @throws {@link MailsealError} `bad-data` if it is no certificate of a mailbox's shape.
 */
export async function withRightSignatures(
  bytes: Uint8Array,
  authorities: readonly Pick<TrustedAuthority, 'fingerprint' | 'key'>[],
): Promise<Uint8Array<ArrayBuffer>> {
  const certificate = await parseCertificate(bytes)
  const { primary: key, fingerprint, userIdPacket: userID, subkey: bind } = certificate
  const own = [{ fingerprint, key }]
  const [named, bound] = [
    { key, userID },
    { key, bind },
  ]
  return writeCertificate({
    ...certificate,
    primarySignatures: await rightOf(certificate.primarySignatures, [SIGNATURE.keyRevocation], own, { key }),
    userIdSignatures: await rightOf(
      certificate.userIdSignatures,
      [SIGNATURE.certPositive, SIGNATURE.certRevocation],
      [...own, ...authorities],
      named,
    ),
    subkeySignatures: await rightOf(
      certificate.subkeySignatures,
      [SIGNATURE.subkeyBinding, SIGNATURE.subkeyRevocation],
      own,
      bound,
    ),
  })
}

async function rightOf(
  signatures: readonly openpgp.SignaturePacket[],
  types: readonly openpgp.enums.signature[],
  signers: readonly Pick<TrustedAuthority, 'fingerprint' | 'key'>[],
  data: SignedData,
): Promise<openpgp.SignaturePacket[]> {
  const right: openpgp.SignaturePacket[] = []
  for (const signature of signatures) {
    const signer = signers.find((one) => one.fingerprint === issuerFingerprint(signature))
    const type = types.find((one) => one === signature.signatureType)
    if (signer === undefined || type === undefined) continue
    if (await isValidSignature(signature, type, signer.key, data)) right.push(signature)
  }
  return right
}

function readCertification(
  signature: openpgp.SignaturePacket,
  authority: TrustedAuthority,
  domains: readonly string[],
): Certification | null {
  const serial = soleNotation(signature, SERIAL, domains)
  const validFrom = soleNotation(signature, VALID_FROM, domains)
  const expires = signature.getExpirationTime()
  if (serial === null || !isSerial(serial)) return null
  if (validFrom === null || !/^(?:0|[1-9]\d{0,10})$/.test(validFrom)) return null
  if (!(expires instanceof Date)) return null
  return { serial, authority: authority.fingerprint, validFrom: Number(validFrom), validTo: seconds(expires) }
}

/** The value of the only notation of that kind; null if there is none, more than one, or one of another organization. */
function soleNotation(signature: openpgp.SignaturePacket, prefix: string, domains: readonly string[]): string | null {
  const found = signature.rawNotations.filter(({ name }) => name.startsWith(prefix))
  const [only] = found
  if (only === undefined || found.length > 1 || !only.humanReadable) return null
  return domains.includes(only.name.slice(prefix.length)) ? new TextDecoder().decode(only.value) : null
}
