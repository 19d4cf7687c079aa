export { STARTUP_SECRET_ESCROW, sealStartupSecret } from './escrow.ts'
export { findStartupSecret, type NewStartupSecret, prepareStartupSecret } from './startup-secret.ts'
export {
  caSecretName,
  DATA_KEY_SECRET,
  type DataKey,
  makeDataKey,
  sealCaKey,
  sealEnrollmentKey,
  type Unlocked,
  unlock,
} from './unlock.ts'
