import { canonicalJson, utf8 } from '@mailseal/common'
import { sealTo } from '@mailseal/common/sealed-channel'
import type { Generation } from '../archive/quorum.ts'

/** The store's name for the start-up secret sealed to the archive key. */
export const STARTUP_SECRET_ESCROW = 'startup-secret for the quorum'

/** Seals the start-up secret to the archive key, so that a quorum of administrators can restore a lost one. */
export function sealStartupSecret(
  archiveKey: Uint8Array,
  { rootFingerprint, number }: Generation,
  startupSecret: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const info = canonicalJson({ format: 'mailseal-startup-secret/1', rootFingerprint, generation: number })
  return sealTo(archiveKey, { kind: 'MSEALSUS', info, plaintext: utf8(startupSecret) })
}
