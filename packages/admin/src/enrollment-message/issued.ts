import { deriveTemporaryKeySecrets, MailsealError, parseTemporaryKey } from '@mailseal/common'
import { type Authority, readAuthority } from '@mailseal/common/authority'
import { type Offer, readOffer } from '@mailseal/common/offer'
import type { IssuedKey } from '@mailseal/common/rpc'

/** What was issued with a temporary key, checked: the offer is the key's, and names the mailbox and the document. */
export interface IssuedOffer {
  readonly offer: Offer
  readonly authority: Authority
}

/**
 * Reads what the KM server issued, as the user's agent will.
 *
 * @throws {@link MailsealError} `untrusted` if the pieces do not belong together.
 */
export function readIssued(issued: IssuedKey): IssuedOffer {
  const { macKey } = deriveTemporaryKeySecrets(parseTemporaryKey(issued.temporaryKey))
  const offer = readOffer({ offer: issued.offer, mac: issued.mac }, macKey)
  if (offer.address !== issued.address) {
    throw new MailsealError('untrusted', `the offer for ${issued.address} names another mailbox`)
  }
  return { offer, authority: readAuthority(issued.authority) }
}
