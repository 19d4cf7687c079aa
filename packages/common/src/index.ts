export { type CanonicalValue, canonicalJson, parseCanonicalJson } from './canonical-json.ts'
export {
  addMonths,
  type Clock,
  formatDate,
  formatMinute,
  formatSpan,
  formatTime,
  type Random,
  systemClock,
  systemRandom,
} from './clock.ts'
export { asText, concat, equalBytes, fromBase64url, fromHex, sha256, toBase64url, toHex, utf8 } from './encoding.ts'
export { asMailsealError, ERROR_CODES, type ErrorCode, isErrorCode, MailsealError } from './errors.ts'
export { LIMITS, SPANS } from './limits.ts'
export { addressOfUserId, asAddress, asDomain, asMailboxName, asPlainName, domainOf, formatUserId } from './names.ts'
export {
  deriveTemporaryKeySecrets,
  generateTemporaryKey,
  parseTemporaryKey,
  type TemporaryKeySecrets,
} from './temporary-key.ts'
export { VERSION } from './version.ts'
