import type { SignatureVerdict } from '@mailseal/common/verdict'
import type { Context, Warning } from '../context.ts'
import { REVOKED_SENTENCE } from '../speech.ts'
import type { Inside } from './open.ts'
import { findRecipient } from './recipients.ts'
import type { Setting } from './setting.ts'
import { type MessageRecipient, SENDER_REVOKED } from './verification.ts'

interface Known {
  readonly inside: Inside
  readonly recipients: readonly MessageRecipient[]
  readonly signature: SignatureVerdict
}

/**
 * Whether an encrypted message that nobody signed claims to be from somebody whose certificate is revoked: the key is among
 * its recipients, as a sender's is, or there is no other for the address (DESIGN: verdict).
 */
export async function senderWarnings(context: Context, setting: Setting, known: Known): Promise<Warning[]> {
  const { inside, recipients, signature } = known
  if (signature.status !== 'none') return []
  const { outer, inner } = inside.headers
  const claimed = [...new Set([outer.from, inner?.from ?? null])].filter((from) => from !== null)
  for (const from of claimed) {
    const isAmongThem = recipients.some(({ address, status }) => address === from && status === 'revoked')
    if (isAmongThem || (await hasOnlyRevoked(context, setting, from))) {
      return [{ code: SENDER_REVOKED, message: REVOKED_SENTENCE }]
    }
  }
  return []
}

async function hasOnlyRevoked(context: Context, setting: Setting, address: string): Promise<boolean> {
  const { status, reason } = (await findRecipient(context, setting, address)).verdict
  // Nobody knows when it was written: what came before a replacement is as good as ever.
  return status === 'revoked' && reason !== 'replaced'
}
