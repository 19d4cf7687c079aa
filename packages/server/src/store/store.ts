import type { MailboxView, Status } from '@mailseal/common/rpc'

/*
 * What the KM server remembers, in words of the domain. Nothing here knows a dialect: store/sqlite (and later
 * store/postgres) implement it, and one suite runs over both. Times are Unix seconds, serial numbers 16 hex digits,
 * fingerprints lower-case hex. "Sealed" bytes open only with the key that the start-up secret unlocks.
 */

/** A person's or function's entry. Certificates, archive and history belong to the id, not to the address. */
export interface Mailbox {
  readonly id: string
  readonly address: string
  readonly name: string
  readonly status: Status
  /** Rises with every change; every change of status is a compare-and-set on (id, status, version). */
  readonly version: number
  /** Serial number of the current certificate; null if there never was one or it was revoked. */
  readonly currentSerial: string | null
  readonly added: number
  /** When it was removed, which ended its id and freed its address; null while it is there. */
  readonly removed: number | null
}

/** What may change about a mailbox; what is left out stays. */
export type MailboxChange = Partial<Pick<Mailbox, 'status' | 'currentSerial' | 'address' | 'name'>>

/** How a temporary key ended; its tombstone stays, so that its holder gets the true reason. */
export type TemporaryKeyEnd = 'used' | 'expired' | 'replaced' | 'canceled' | 'revoked'

export interface TemporaryKeyRow {
  readonly pskId: Uint8Array
  readonly mailboxId: string
  readonly issued: number
  readonly expires: number
  /** Hash of the authority document that the offer names. */
  readonly authorityHash: Uint8Array
  readonly offer: Uint8Array
  readonly offerMac: Uint8Array
  /** PSK and MAC key, sealed; null since it ended. */
  readonly sealedSecrets: Uint8Array | null
  /** History that waits for the enrollment, sealed under the temporary key and then by us; null if none, or it ended. */
  readonly sealedHistory: Uint8Array | null
  /** Whether it was issued to return the key history; stays when the key ends, so that its successor does the same. */
  readonly withHistory: boolean
  readonly sent: boolean
  readonly end: { readonly how: TemporaryKeyEnd; readonly at: number } | null
}

/** A user's key that the CA has certified at least once. */
export interface KeyRow {
  readonly fingerprint: string
  readonly subkeyFingerprint: string
  readonly mailboxId: string
  /** As published: with its newest certification. */
  readonly certificate: Uint8Array
  readonly sealedKeyRevocation: Uint8Array
  readonly sealedSubkeyRevocation: Uint8Array
  readonly added: number
}

/** One serial number. */
export interface CertificateRow {
  readonly serial: string
  readonly fingerprint: string
  readonly mailboxId: string
  readonly validFrom: number
  readonly validTo: number
  readonly issued: number
}

/** A serial number that has not expired, and how it stands on the revocation list. */
export interface UnexpiredCertificate extends CertificateRow {
  readonly revocation: RevocationRow | null
}

export type RevocationReason = 'unspecified' | 'superseded' | 'compromised' | 'left' | 'replaced'

export interface RevocationRow {
  readonly serial: string
  readonly revokedAt: number
  /** Days since the epoch of the certificate's validTo. */
  readonly expiryDay: number
  readonly reason: RevocationReason
}

export interface ArchiveEntryRow {
  readonly mailboxId: string
  readonly generation: number
  readonly subkeyFingerprint: string
  readonly entry: Uint8Array
  readonly added: number
}

export interface AdministratorRow {
  readonly name: string
  readonly address: string | null
  readonly publicKey: Uint8Array
  /** Private key sealed under Argon2id of the password, with the parameters. */
  readonly sealedPrivateKey: Uint8Array
  /** Share of the quorum seed sealed to the public key, and the share's SHA-256. */
  readonly sealedShare: Uint8Array
  readonly shareHash: Uint8Array
  readonly added: number
}

export interface AuthorityDocumentRow {
  readonly version: number
  readonly hash: Uint8Array
  readonly bytes: Uint8Array
  /** Private half of the document's enrollment key, sealed; null once nothing issued under it lives. */
  readonly sealedEnrollmentKey: Uint8Array | null
}

export interface JournalRow {
  readonly index: number
  readonly time: number
  readonly task: string
  readonly administrators: readonly string[]
  readonly subject: string
  readonly result: string
  readonly requestId: string
  readonly salt: Uint8Array
  readonly hash: Uint8Array
}

export interface ListRow {
  readonly number: number
  readonly thisUpdate: number
  readonly nextUpdate: number
  readonly bytes: Uint8Array
}

/** The answer to a task, for whoever repeats its request. The row stays when the answer is erased. */
export interface TaskAnswerRow {
  readonly id: string
  /** Tells a repeat from another request under the same id. */
  readonly requestHash: Uint8Array
  /** null once it was erased: after a while, and as soon as a temporary key ends that stands in it. */
  readonly sealedAnswer: Uint8Array | null
  /** Of the temporary key that stands in the answer. */
  readonly pskId: Uint8Array | null
  readonly at: number
}

/** A page of mailboxes as administrators see them. */
export interface MailboxQuery {
  readonly addresses?: readonly string[]
  readonly status?: Status
  /** Certificate ends before then. */
  readonly validToBefore?: number
  /** No report since then. */
  readonly silentSince?: number
  /** Address of the last mailbox of the page before. */
  readonly after?: string
  readonly limit: number
}

/** Look-ups; outside a transaction they run on a connection of their own that cannot write. */
export interface Reads {
  setting(key: string): Promise<string | null>
  secret(name: string): Promise<Uint8Array | null>
  latestAuthorityDocument(): Promise<AuthorityDocumentRow | null>
  authorityDocument(hash: Uint8Array): Promise<AuthorityDocumentRow | null>
  authorityDocumentOfVersion(version: number): Promise<AuthorityDocumentRow | null>
  administrators(): Promise<AdministratorRow[]>
  administrator(name: string): Promise<AdministratorRow | null>
  mailbox(id: string): Promise<Mailbox | null>
  mailboxByAddress(address: string): Promise<Mailbox | null>
  mailboxViews(query: MailboxQuery, now: number): Promise<MailboxView[]>
  temporaryKey(pskId: Uint8Array): Promise<TemporaryKeyRow | null>
  /** The one that has not ended. */
  liveTemporaryKey(mailboxId: string): Promise<TemporaryKeyRow | null>
  /** The one that a mailbox waits with: it has not ended, or was the last to expire without being used or taken back. */
  waitingTemporaryKey(mailboxId: string): Promise<TemporaryKeyRow | null>
  /** Keys that have expired by then but have not ended. */
  expiredTemporaryKeys(now: number): Promise<TemporaryKeyRow[]>
  key(fingerprint: string): Promise<KeyRow | null>
  /** Whether any key ever had one of these as its primary's or its subkey's fingerprint. */
  isAnyKnown(fingerprints: readonly string[]): Promise<boolean>
  certificate(serial: string): Promise<CertificateRow | null>
  /** Serial numbers of a mailbox that have not expired, on the revocation list or not, in their order. */
  unexpiredCertificates(mailboxId: string, now: number): Promise<UnexpiredCertificate[]>
  /** The newest serial number that was ever given to a key. */
  newestCertificateOf(fingerprint: string): Promise<CertificateRow | null>
  /** The key that a mailbox enrolled last; null before its first enrollment. */
  newestKey(mailboxId: string): Promise<KeyRow | null>
  /** Keys that a former version of this program revoked, whose end is not published yet. */
  owedEnds(): Promise<{ fingerprint: string; reason: RevocationReason; at: number }[]>
  /** Everything that the archive holds for a mailbox, of every generation, oldest first. */
  archiveEntries(mailboxId: string): Promise<ArchiveEntryRow[]>
  /** Current certificates in the order of their addresses. */
  directoryPage(
    after: string,
    limit: number,
  ): Promise<{ address: string; fingerprint: string; certificate: Uint8Array }[]>
  storedReply(requestHash: Uint8Array): Promise<Uint8Array | null>
  isRevoked(serial: string): Promise<boolean>
  /** Entries whose certificate has not expired before that day. */
  revocations(fromExpiryDay: number): Promise<RevocationRow[]>
  latestList(): Promise<ListRow | null>
  journal(after: number, limit: number): Promise<JournalRow[]>
  /** Index and hash of the newest entry; index 0 and 32 zero bytes before the first. */
  journalHead(): Promise<{ index: number; hash: Uint8Array }>
  taskAnswer(id: string): Promise<TaskAnswerRow | null>
  userRequestAnswer(id: string): Promise<{ requestHash: Uint8Array; answer: string } | null>
  sendToken(tokenHash: Uint8Array): Promise<{ mailboxId: string; pskId: Uint8Array; expires: number } | null>
  /** Files in the outbox that hold a temporary key which has ended. */
  spentOutboxFiles(): Promise<string[]>
}

/** One transaction: all of it or nothing. The journal's entry of a success is appended last. */
export interface Transaction extends Reads {
  putSetting(key: string, value: string): Promise<void>
  putSecret(name: string, bytes: Uint8Array): Promise<void>
  addAuthorityDocument(row: AuthorityDocumentRow): Promise<void>
  addAdministrator(row: AdministratorRow): Promise<void>
  /** @throws MailsealError `already-exists` if the address is taken. */
  addMailbox(mailbox: Mailbox): Promise<void>
  /**
   * Compare-and-set: false if the mailbox is no longer as it was read. Raises the version by one.
   *
   * @throws {@link MailsealError} `already-exists` if the new address is taken.
   */
  changeMailbox(mailbox: Mailbox, change: MailboxChange): Promise<boolean>
  /** As {@link changeMailbox}: ends the id for ever, forgets name and address, and so frees the address. */
  removeMailbox(mailbox: Mailbox, at: number): Promise<boolean>
  addTemporaryKey(row: TemporaryKeyRow): Promise<void>
  /** Ends a live key, and erases its secrets, history and the answers in which it stands; false if it had ended before. */
  endTemporaryKey(pskId: Uint8Array, how: TemporaryKeyEnd, at: number): Promise<boolean>
  markTemporaryKeySent(pskId: Uint8Array): Promise<void>
  addKey(row: KeyRow): Promise<void>
  addCertificate(row: CertificateRow): Promise<void>
  addArchiveEntry(row: ArchiveEntryRow): Promise<void>
  /** Publishes a key's certificate in a new version. */
  putCertificateOf(fingerprint: string, certificate: Uint8Array): Promise<void>
  /**
   * Puts a serial number on the revocation list. For one that stands there the reason changes only from `replaced` to
   * another, and the time only to an earlier one (docs/spec/crl.md).
   */
  putRevocation(row: RevocationRow): Promise<void>
  putReply(requestHash: Uint8Array, fingerprint: string, reply: Uint8Array, at: number): Promise<void>
  /** Drops replies older than that, and those to the key that was just used. */
  dropReplies(olderThan: number): Promise<void>
  dropRepliesTo(fingerprint: string): Promise<void>
  putList(row: ListRow): Promise<void>
  putTaskAnswer(row: TaskAnswerRow): Promise<void>
  eraseTaskAnswers(olderThan: number): Promise<void>
  putUserRequestAnswer(id: string, requestHash: Uint8Array, answer: string, at: number): Promise<void>
  dropUserRequestAnswers(olderThan: number): Promise<void>
  putReport(mailboxId: string, report: { time: number; crlNumber: number; version: string }): Promise<void>
  addSendToken(tokenHash: Uint8Array, token: { mailboxId: string; pskId: Uint8Array; expires: number }): Promise<void>
  /** Takes a token out; false if it was used before. */
  takeSendToken(tokenHash: Uint8Array): Promise<boolean>
  /** Drops the tokens that expired by then. */
  dropSendTokens(expiredBy: number): Promise<void>
  addOutboxFile(name: string, pskId: Uint8Array): Promise<void>
  dropOutboxFile(name: string): Promise<void>
  appendJournal(row: JournalRow): Promise<void>
}

export interface Store {
  read<T>(work: (reads: Reads) => Promise<T>): Promise<T>
  /**
   * Runs work in one durable transaction, one at a time; waits without blocking while another process writes.
   * The outer store used inside throws instead of deadlocking.
   */
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>
  close(): Promise<void>
}
