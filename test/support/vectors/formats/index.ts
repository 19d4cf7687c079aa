import type { Format } from '../format.ts'
import { archiveEntry } from './archive-entry.ts'
import { authority } from './authority.ts'
import { certificate, certifiedCertificate, premadeRevocations } from './certificate.ts'
import { crl } from './crl.ts'
import { dates } from './dates.ts'
import { enrollmentReply, enrollmentRequest } from './enrollment.ts'
import { history } from './history.ts'
import { keyFile, keyFileContent, pending } from './key-file.ts'
import { endOfUse, renewal } from './life-of-certificate.ts'
import { attachment, offer, serverTime } from './offer.ts'
import { quorumSeed } from './quorum-seed.ts'
import { signedRequest } from './signed-request.ts'
import { temporaryKey } from './temporary-key.ts'

/** Every format that has vectors, each in the folder of its name. */
export const FORMATS: readonly Format[] = [
  temporaryKey,
  dates,
  quorumSeed,
  authority,
  offer,
  serverTime,
  attachment,
  enrollmentRequest,
  enrollmentReply,
  history,
  archiveEntry,
  signedRequest,
  certificate,
  premadeRevocations,
  certifiedCertificate,
  renewal,
  endOfUse,
  crl,
  keyFile,
  keyFileContent,
  pending,
]
