import type {
  CertificateRow,
  JournalRow,
  KeyRow,
  Mailbox,
  RevocationRow,
  TaskAnswerRow,
  TemporaryKeyRow,
  Transaction,
} from '../../src/store/store.ts'

/** 2026-01-01. */
export const NOW = 1_767_225_600
export const DAY = 24 * 60 * 60

/** Bytes that differ by their tag. */
export const bytes = (tag: number, length = 32) => new Uint8Array(length).fill(tag)

export const mailboxRow = (tag: string, change: Partial<Mailbox> = {}): Mailbox => ({
  id: tag.repeat(32).slice(0, 32),
  address: `${tag}@example.org`,
  name: tag.toUpperCase(),
  status: 'Undefined',
  version: 1,
  currentSerial: null,
  added: NOW,
  removed: null,
  ...change,
})

export const temporaryKeyRow = (
  mailbox: Mailbox,
  tag: number,
  change: Partial<TemporaryKeyRow> = {},
): TemporaryKeyRow => ({
  pskId: bytes(tag, 16),
  mailboxId: mailbox.id,
  issued: NOW,
  expires: NOW + 14 * DAY,
  authorityHash: bytes(1),
  offer: bytes(2, 100),
  offerMac: bytes(3),
  sealedSecrets: bytes(4, 80),
  sealedHistory: bytes(5, 90),
  withHistory: true,
  sent: false,
  end: null,
  ...change,
})

export const answerRow = (id: string, change: Partial<TaskAnswerRow> = {}): TaskAnswerRow => ({
  id,
  requestHash: bytes(8),
  sealedAnswer: bytes(9, 60),
  pskId: null,
  at: NOW,
  ...change,
})

export const keyRow = (mailbox: Mailbox, tag: string): KeyRow => ({
  fingerprint: tag.repeat(40),
  subkeyFingerprint: `${tag}0`.repeat(20),
  mailboxId: mailbox.id,
  certificate: bytes(5, 800),
  sealedKeyRevocation: bytes(6, 200),
  sealedSubkeyRevocation: bytes(7, 200),
  added: NOW,
})

export const certificateRow = (key: KeyRow, serial: string, change: Partial<CertificateRow> = {}): CertificateRow => ({
  serial,
  fingerprint: key.fingerprint,
  mailboxId: key.mailboxId,
  validFrom: NOW,
  validTo: NOW + 500 * DAY,
  issued: NOW,
  ...change,
})

export const revocationRow = (serial: string, change: Partial<RevocationRow> = {}): RevocationRow => ({
  serial,
  revokedAt: NOW + 5,
  expiryDay: 20_000,
  reason: 'compromised',
  ...change,
})

export const journalRow = (index: number, change: Partial<JournalRow> = {}): JournalRow => ({
  index,
  time: NOW,
  task: 'enable',
  administrators: ['anna', 'Björn "B"'],
  subject: 'a@example.org',
  result: 'done',
  requestId: '00'.repeat(16),
  salt: bytes(8, 16),
  hash: bytes(index),
  ...change,
})

/** An Active mailbox with one certificate. */
export async function putActive(tx: Transaction, tag: string, serial: string, change: Partial<CertificateRow> = {}) {
  const mailbox = mailboxRow(tag, { status: 'Active', currentSerial: serial })
  const key = keyRow(mailbox, tag)
  await tx.addMailbox(mailbox)
  await tx.addKey(key)
  await tx.addCertificate(certificateRow(key, serial, change))
  return { mailbox, key }
}
