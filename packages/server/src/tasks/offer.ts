import { serverTimeMac } from '@mailseal/common/offer'
import type { TaskContext } from './context.ts'
import { assertLiveOrEnd, findTemporaryKey, openTemporaryKeySecrets } from './temporary-keys.ts'

/** What an agent gets that has a temporary key and no enrollment message. */
export interface OfferAnswer {
  readonly offer: Uint8Array
  readonly mac: Uint8Array
  /** The newest authority document. */
  readonly authority: Uint8Array
  /** Unix seconds. */
  readonly time: number
  readonly timeMac: Uint8Array
}

/**
 * Shows the offer of a temporary key to its holder, and the server's time under a MAC with the agent's nonce.
 *
 * @throws {@link MailsealError} `temporary-key-unknown`, or how the key ended.
 */
export async function showOffer(
  context: TaskContext,
  { pskId, nonce }: { pskId: Uint8Array; nonce: Uint8Array },
): Promise<OfferAnswer> {
  const now = context.clock.now()
  const { key, mailbox, authority } = await context.store.read(async (reads) => ({
    ...(await findTemporaryKey(reads, pskId)),
    authority: await context.documents.newest(reads),
  }))
  await assertLiveOrEnd(context, key, mailbox, now)
  const { macKey } = await openTemporaryKeySecrets(context.unlocked, key)
  const timeMac = serverTimeMac(macKey, nonce, now)
  return { offer: key.offer, mac: key.offerMac, authority: authority.bytes, time: now, timeMac }
}
