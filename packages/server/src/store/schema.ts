import type { Generated } from 'kysely'

/*
 * The tables as kysely sees them, the same in every dialect. Times are Unix seconds, serial numbers and fingerprints
 * text, flags 0 or 1. The migrations make them.
 */

export interface Schema {
  settings: { key: string; value: string }
  secrets: { name: string; bytes: Uint8Array }
  authority_documents: {
    version: number
    hash: Uint8Array
    bytes: Uint8Array
    sealed_enrollment_key: Uint8Array | null
  }
  administrators: {
    name: string
    address: string | null
    public_key: Uint8Array
    sealed_private_key: Uint8Array
    sealed_share: Uint8Array
    share_hash: Uint8Array
    added: number
  }
  mailboxes: {
    id: string
    address: string
    name: string
    status: string
    version: number
    current_serial: string | null
    added: number
    removed: number | null
  }
  temporary_keys: {
    psk_id: Uint8Array
    mailbox_id: string
    issued: number
    expires: number
    authority_hash: Uint8Array
    offer: Uint8Array
    offer_mac: Uint8Array
    sealed_secrets: Uint8Array | null
    sealed_history: Uint8Array | null
    with_history: number
    sent: number
    ended_how: string | null
    ended_at: number | null
  }
  keys: {
    fingerprint: string
    subkey_fingerprint: string
    mailbox_id: string
    certificate: Uint8Array
    sealed_key_revocation: Uint8Array
    sealed_subkey_revocation: Uint8Array
    added: number
    owes_end: Generated<number>
  }
  certificates: {
    serial: string
    fingerprint: string
    mailbox_id: string
    valid_from: number
    valid_to: number
    issued: number
  }
  archive_entries: {
    mailbox_id: string
    generation: number
    subkey_fingerprint: string
    entry: Uint8Array
    added: number
  }
  revocations: { serial: string; revoked_at: number; expiry_day: number; reason: string }
  replies: { request_hash: Uint8Array; fingerprint: string; reply: Uint8Array; stored_at: number }
  lists: { number: number; this_update: number; next_update: number; bytes: Uint8Array }
  reports: { mailbox_id: string; time: number; crl_number: number; version: string }
  task_answers: {
    request_id: string
    request_hash: Uint8Array
    sealed_answer: Uint8Array | null
    psk_id: Uint8Array | null
    answered_at: number
  }
  user_request_answers: { id: string; request_hash: Uint8Array; answer: string; answered_at: number }
  send_tokens: { token_hash: Uint8Array; mailbox_id: string; psk_id: Uint8Array; expires: number }
  outbox_files: { name: string; psk_id: Uint8Array }
  journal: {
    number: number
    time: number
    task: string
    /** A JSON array of names. */
    administrators: string
    subject: string
    result: string
    request_id: string
    salt: Uint8Array
    hash: Uint8Array
  }
  /** One row, locked last in every transaction. */
  journal_head: { id: number; number: number; hash: Uint8Array }
  migrations: { number: number; name: string; applied: number }
}
