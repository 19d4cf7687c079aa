export { STARTUP_SECRET_ESCROW, sealStartupSecret } from './escrow.ts'
export { findStartupSecret, prepareStartupSecret } from './startup-secret.ts'
export {
  caSecretName,
  DATA_KEY_SECRET,
  makeDataKey,
  sealCaKey,
  sealEnrollmentKey,
  type Unlocked,
  unlock,
} from './unlock.ts'
