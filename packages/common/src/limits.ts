/** Every bound on what comes from outside, with its reason. Sizes are bytes unless the name says otherwise. */
export const LIMITS = {
  /** RFC 5321, section 4.5.3.1.3: a path holds 256 octets with its angle brackets. */
  addressBytes: 254,
  /** RFC 5321, section 4.5.3.1.1. */
  localPartBytes: 64,
  /** RFC 1035, section 2.3.4. */
  domainBytes: 253,
  /** A display name, in Unicode code points; it stands in every certificate. */
  nameCharacters: 64,
  /** An organization's name, in code points; shown at each enrollment. */
  organizationCharacters: 128,
  /** Domains of one organization; each is looked through at every lookup. */
  domains: 64,
  /** CAs an authority document lists, old ones included. */
  authorities: 32,
  administrators: 64,
  /** An administrator's name, in code points. */
  administratorNameCharacters: 64,
  /** Password typed or read from a file; longer ones cost Argon2 nothing but are surely another file. */
  passwordBytes: 1024,
  /** A user's certificate is about 800 bytes with its certifications. */
  certificate: 64 * 1024,
  /** Certifications and revocations read from one certificate. */
  certificateSignatures: 256,
  /** One OpenPGP signature as we make and accept it in our own formats. */
  signature: 4096,
  authorityDocument: 256 * 1024,
  offer: 8 * 1024,
  enrollmentRequest: 64 * 1024,
  /** The reply holds recovered history, one archive entry a generation. */
  enrollmentReply: 1024 * 1024,
  archiveEntry: 4 * 1024,
  signedRequest: 16 * 1024,
  /** One JSON body of the HTTP interface. */
  requestBody: 4 * 1024 * 1024,
  /** One answer of the HTTP interface other than a revocation list. */
  responseBody: 64 * 1024 * 1024,
  /** Entries of a revocation list: 16 bytes each, so 160 MB at the most. */
  crlEntries: 10_000_000,
  /** The same list with its header and signature. */
  crl: 128 + 16 * 10_000_000 + 4096,
  /** Addresses in one administrator's task. */
  taskAddresses: 10_000,
  /** Certificates in one page of the directory. */
  directoryPage: 500,
  /** Rows in one page of the journal or of the mailboxes. */
  listPage: 1000,
  /** A mail message, read whole: common mail servers refuse more than 50 MB. */
  message: 64 * 1024 * 1024,
  enrollmentMessage: 256 * 1024,
  /** The text of an enrollment message as an administrator writes it; leaves room for the attachment. */
  enrollmentText: 32 * 1024,
  keyFile: 4 * 1024 * 1024,
  /** A TLS certificate with its chain, or its key: a few kilobytes. */
  tlsFile: 256 * 1024,
  /** Secret keys in one key file, one for each enrollment; each is read when the file is opened. */
  keyFileKeys: 256,
  /** Parts of a message, and how deep they nest; real mail stays far below. */
  mimeParts: 1000,
  mimeDepth: 32,
  /** One part's header section, and the fields in it. */
  mimeHeader: 256 * 1024,
  mimeHeaderFields: 1000,
  /** RFC 2046, section 5.1.1, says 70 characters; some programs write longer boundaries. */
  mimeBoundary: 256,
  /** A detached signature as it stands in a message, armored; several signers, or post-quantum ones of 50 KB each. */
  detachedSignature: 256 * 1024,
  /** Signature packets looked at in one message. */
  messageSignatures: 16,
  /** Keys that a message is encrypted to: mail servers take some hundred recipients at once. */
  messageKeys: 4096,
  /** Attempts at the keys of one message: a sender may hide for whom they are, and a key file holds many. */
  decryptionTries: 512,
  /** Different session keys tried on one message, each over all its data; honest mail has one. */
  sessionKeys: 4,
} as const

/** Every span of time with a reason. Seconds unless the name says otherwise. */
export const SPANS = {
  /** Difference between two honest clocks that is put up with, wherever one side checks the other's. */
  clockTolerance: 5 * 60,
  /** How much earlier than the temporary key's issue a certificate may begin. */
  validFromBeforeIssue: 60 * 60,
  /** Ten minutes' tolerance of a signed request's time. */
  signedRequestTolerance: 10 * 60,
  /** The CA's creation lies this long before it is made, so that no certificate predates it. */
  caCreationLead: 24 * 60 * 60,
  /** A certificate's life in calendar months, as in the original. */
  certificateMonths: 18,
  /** Renewal is offered from this month on. */
  renewalMonths: 12,
  /** How long after its end a certificate can still be renewed, for people who come back from a long leave. */
  renewalGraceDays: 60,
  temporaryKeyDays: 14,
  /** The same reply is given to the same request for so long, unless the new key was used before. */
  replyKept: 30 * 24 * 60 * 60,
  /** The token for mailing one enrollment message. */
  sendToken: 15 * 60,
  /** A repeated task is answered with the same result for so long, and later told that it was done before. */
  taskResultKept: 15 * 60,
  /** A revocation list is signed again after this long, and lapses after `crlNextUpdate`. */
  crlInterval: 60 * 60,
  crlNextUpdate: 24 * 60 * 60,
  /** The furthest a list's next update may lie ahead: longer, and a withheld list would go unnoticed. */
  crlNextUpdateLongest: 30 * 24 * 60 * 60,
  /** The furthest a list's number may run ahead of the clock. */
  crlNumberLead: 24 * 60 * 60,
  /** The furthest that a list of mailboxes looks back or ahead: what five digits of weeks come to, in whole seconds. */
  longestLook: 100_000 * 7 * 24 * 60 * 60,
  day: 24 * 60 * 60,
} as const
