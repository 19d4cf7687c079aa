import {
  deriveTemporaryKeySecrets,
  formatUserId,
  generateTemporaryKey,
  parseTemporaryKey,
  type Random,
  SPANS,
  type TemporaryKeySecrets,
  toBase64url,
} from '@mailseal/common'
import { sealHistory } from '@mailseal/common/history'
import { makeOffer } from '@mailseal/common/offer'
import type { IssuedKey, Status, TaskAnswer } from '@mailseal/common/rpc'
import { withArchive } from '../archive/opened-archive.ts'
import { readSetting } from '../settings.ts'
import type { Mailbox, Transaction } from '../store/store.ts'
import type { Call } from './call.ts'
import type { TaskContext } from './context.ts'
import { forEachAddress } from './each-address.ts'
import { type History, readHistory } from './history.ts'
import { changeMailbox, statusAfter } from './status.ts'
import { endLiveTemporaryKey, hashOfSendToken, sealTemporaryKey } from './temporary-keys.ts'

type Issued = Extract<TaskAnswer<'enable'>['results'][number], { temporaryKey: string }>

/**
 * Gives each mailbox a temporary key, in place of the one that it may have; its status follows the table.
 *
 * @param options.wantsHistory - Whether the key returns the mailbox's history, which takes the quorum.
 */
export function issueForEach(
  context: TaskContext,
  call: Call<'enable' | 'recover' | 'reissue'>,
  { wantsHistory }: { wantsHistory(mailbox: Mailbox): Promise<boolean> },
): Promise<TaskAnswer<'enable'>> {
  return withArchive(context, call.verified, (open) =>
    forEachAddress(context, call, {
      async prepare(mailbox) {
        statusAfter(call.task, mailbox)
        if (!(await wantsHistory(mailbox))) return drawTemporaryKey(context.random, null)
        const archive = await open(mailbox.address)
        return drawTemporaryKey(context.random, await readHistory(context.store, mailbox.id, archive))
      },
      async work(tx, mailbox, now, drawn) {
        const status = statusAfter(call.task, mailbox)
        await endLiveTemporaryKey(tx, mailbox.id, 'replaced', now)
        await changeMailbox(tx, mailbox, { status })
        return storeTemporaryKey(context, tx, { mailbox, status, now, drawn })
      },
    }),
  )
}

/** A temporary key that exists nowhere else yet. */
interface DrawnKey {
  readonly temporaryKey: string
  readonly secrets: TemporaryKeySecrets
  readonly history: { readonly sealed: readonly Uint8Array[]; readonly damaged: readonly string[] } | null
}

/** From here on the history opens with the temporary key alone, which the KM server is about to forget. */
function drawTemporaryKey(random: Random, history: History | null): DrawnKey {
  const temporaryKey = generateTemporaryKey(random)
  const secrets = deriveTemporaryKeySecrets(parseTemporaryKey(temporaryKey))
  if (history === null) return { temporaryKey, secrets, history }
  const sealed = sealHistory(secrets.historyKey, history.subkeys)
  for (const subkey of history.subkeys) subkey.fill(0)
  return { temporaryKey, secrets, history: { sealed, damaged: history.damaged } }
}

/** Stores a temporary key with its offer, its history and the token that allows one message to its mailbox. */
async function storeTemporaryKey(
  context: TaskContext,
  tx: Transaction,
  { mailbox, status, now, drawn }: { mailbox: Mailbox; status: Status; now: number; drawn: DrawnKey },
): Promise<Issued> {
  const { temporaryKey, secrets, history } = drawn
  const authority = await context.documents.newest(tx)
  const expires = now + (await readSetting(tx, 'enrollment.temporaryKeyDays')) * SPANS.day
  const { offer, mac } = makeOffer(
    {
      mailbox: mailbox.id,
      userId: formatUserId(mailbox.name, mailbox.address),
      address: mailbox.address,
      server: context.serverUrl,
      issued: now,
      notAfter: expires,
      authority: toBase64url(authority.hash),
    },
    secrets.macKey,
  )
  await tx.addTemporaryKey({
    pskId: secrets.pskId,
    mailboxId: mailbox.id,
    issued: now,
    expires,
    authorityHash: authority.hash,
    offer,
    offerMac: mac,
    ...sealTemporaryKey(context.unlocked, secrets, history?.sealed ?? null),
    withHistory: history !== null,
    sent: false,
    end: null,
  })
  return {
    address: mailbox.address,
    name: mailbox.name,
    status,
    temporaryKey,
    expires,
    offer: toBase64url(offer),
    mac: toBase64url(mac),
    authority: toBase64url(authority.bytes),
    sendToken: await issueSendToken(context, tx, { mailboxId: mailbox.id, pskId: secrets.pskId, now }),
    history: historyIn(drawn),
  }
}

function historyIn({ history }: DrawnKey): IssuedKey['history'] {
  return history && { keys: history.sealed.length, damaged: [...history.damaged] }
}

async function issueSendToken(
  { random }: TaskContext,
  tx: Transaction,
  { mailboxId, pskId, now }: { mailboxId: string; pskId: Uint8Array; now: number },
): Promise<string | null> {
  if (!(await readSetting(tx, 'enrollment.allowEmail'))) return null
  const token = toBase64url(random(32))
  await tx.addSendToken(hashOfSendToken(token), { mailboxId, pskId, expires: now + SPANS.sendToken })
  return token
}
