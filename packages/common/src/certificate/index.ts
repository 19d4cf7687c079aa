export { type AuthorityKey, makeAuthorityKey, readAuthorityKey } from './authority-key.ts'
export { type Certificate, parseCertificate } from './certificate.ts'
export {
  type CarriedRevocation,
  type Certification,
  certify,
  type EvaluatedCertificate,
  evaluateCertificate,
  generateSerial,
  isSerial,
  type TrustedAuthority,
} from './certification.ts'
export { validToOf } from './dates.ts'
export { MICALG, readMessageSignatures, signMessage, verifyMessageSignature } from './message-signature.ts'
export { OPENPGP_CONFIG } from './packets.ts'
export { type Purpose, signForPurpose, verifyForPurpose } from './purpose-signature.ts'
export {
  asEnrollableCertificate,
  assertPremadeRevocations,
  type EnrollableCertificate,
  type PremadeRevocations,
} from './shape.ts'
export { assertSubkeyWorks, makeUserKey, readPrimarySecret, type UserKey } from './user-key.ts'
