import { unlink } from 'node:fs/promises'
import { LIMITS, MailsealError, toBase64url } from '@mailseal/common'
import { writeFileAtomically } from '@mailseal/common/program'
import { base64url, base64urlOf, count, hex, mailboxId, readFormat, text, writeFormat } from '@mailseal/common/schema'
import * as v from 'valibot'
import type { Context } from '../context.ts'
import { readIfPresent } from '../files.ts'
import { makeLock, openWithPassword, sealWithLock } from '../key-file/password-message.ts'

const schema = v.strictObject({
  format: v.literal('mailseal-enrollment-pending/1'),
  /** Unix seconds. */
  begun: count,
  /** Names the temporary key, which itself is nowhere kept. */
  pskId: base64urlOf(32),
  server: v.pipe(text(2048), v.url()),
  mailbox: mailboxId,
  address: text(LIMITS.addressBytes),
  userId: text(1024),
  /** The authority document that was sealed to. */
  authority: base64url(LIMITS.authorityDocument),
  fingerprint: hex(40),
  subkeyFingerprint: hex(40),
  validFrom: count,
  validTo: count,
  secretKey: base64url(LIMITS.certificate),
  /** The sealed request: these bytes are sent, however often, and no others. */
  request: base64url(LIMITS.enrollmentRequest),
  /** Opens the one reply. */
  replyKey: base64urlOf(32),
  replyNonce: base64urlOf(12),
  /** Opens the recovered keys in the reply; what a version before this began has none. */
  historyKey: v.optional(base64urlOf(32)),
})

/** An enrollment that was begun: all that is needed to finish it. */
export type PendingEnrollment = Omit<v.InferOutput<typeof schema>, 'format'>

const LABEL = 'the unfinished enrollment'
/** Several times what one needs. */
export const PENDING_LIMIT = LIMITS.authorityDocument * 4

/**
 * Writes an enrollment down, synced and under the key file's password, before anything of it is sent. At any time the
 * file is whole or not there: half of one would stand in the way of the next attempt.
 *
 * @throws {@link MailsealError} `busy` if another one was begun meanwhile.
 */
export async function writePending(
  { home, state, random, argon2 }: Context,
  pending: PendingEnrollment,
  password: string,
): Promise<void> {
  const { begun, server, mailbox, address, userId, fingerprint, subkeyFingerprint, validFrom, validTo } = pending
  const content = writeFormat(
    schema,
    {
      format: 'mailseal-enrollment-pending/1',
      ...{ begun, server, mailbox, address, userId, fingerprint, subkeyFingerprint, validFrom, validTo },
      pskId: toBase64url(pending.pskId),
      authority: toBase64url(pending.authority),
      secretKey: toBase64url(pending.secretKey),
      request: toBase64url(pending.request),
      replyKey: toBase64url(pending.replyKey),
      replyNonce: toBase64url(pending.replyNonce),
      ...(pending.historyKey === undefined ? {} : { historyKey: toBase64url(pending.historyKey) }),
    },
    LABEL,
  )
  const sealed = await sealWithLock(await makeLock(password, random, argon2), content)
  await state.exclusively(async () => {
    if ((await readIfPresent(home.pending, PENDING_LIMIT)) !== null) throw begunMeanwhile()
    await writeFileAtomically(home.pending, sealed, { mode: 0o600 })
  })
}

function begunMeanwhile(): MailsealError {
  return new MailsealError('busy', 'another mailseal has begun an enrollment here meanwhile', {
    hint: 'let it finish, then see: mailseal status; if it was broken off, run the same command again',
  })
}

/** @throws {@link MailsealError} `password-wrong` or `bad-data`. */
export async function openPending(bytes: Uint8Array, password: string): Promise<PendingEnrollment> {
  const { content } = await openWithPassword(bytes, password, LABEL)
  const { format: _, ...pending } = readFormat(schema, content, LABEL, PENDING_LIMIT)
  return pending
}

/** Removes the file of a finished enrollment; another process that finished it too may have been first. */
export async function removePending(path: string): Promise<void> {
  try {
    await unlink(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}
