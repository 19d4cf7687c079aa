export { type AuthorityKey, makeAuthorityKey, readAuthorityKey } from './authority-key.ts'
export { type Certificate, mergeCertificates, parseCertificate } from './certificate.ts'
export {
  type CarriedRevocation,
  type Certification,
  certify,
  type EvaluatedCertificate,
  evaluateCertificate,
  generateSerial,
  isSerial,
  revokeCertification,
  type TrustedAuthority,
  withRightSignatures,
} from './certification.ts'
export { validToOf } from './dates.ts'
export { type EndOfUse, endCertificate } from './end-of-use.ts'
export { type OpenedMessage, openMessage, readSecretSubkeys } from './message-decryption.ts'
export { encryptionKeyOf, type SealOptions, sealMessage } from './message-encryption.ts'
export { MICALG, readMessageSignatures, signMessage, verifyMessageSignature } from './message-signature.ts'
export { OPENPGP_CONFIG } from './packets.ts'
export { armorKeys, type ExportableKey, protectSecretKey } from './protected-key.ts'
export { type Purpose, signForPurpose, verifyForPurpose } from './purpose-signature.ts'
export { asRenewedCertificate, makeRenewal, type Renewal } from './renewal.ts'
export {
  asEnrollableCertificate,
  assertPremadeRevocations,
  type EnrollableCertificate,
  type PremadeRevocations,
} from './shape.ts'
export {
  assertSubkeyWorks,
  makeUserKey,
  readPrimarySecret,
  readSecretSubkey,
  readWholeSecretKey,
  subkeyFingerprints,
  type UserKey,
} from './user-key.ts'
