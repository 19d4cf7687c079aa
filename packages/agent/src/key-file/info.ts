import { readPrimarySecret } from '@mailseal/common/certificate'
import type { Context } from '../context.ts'
import { openOwnKeyFile } from '../passwords.ts'

/** What a key file holds; nothing of it is secret. Times are Unix seconds. */
export interface KeyFileInfo {
  readonly keyFile: string
  readonly address: string
  readonly organization: string
  /** The pinned root's fingerprint. */
  readonly root: string
  readonly server: string
  /** Every secret key, the current one first. */
  readonly keys: readonly { readonly fingerprint: string; readonly serial: string; readonly created: number }[]
  /** How many encryption keys from the archive it holds besides. */
  readonly recoveredKeys: number
}

/**
 * Opens the own key file and says what is in it.
 *
 * @throws {@link MailsealError} `not-found`, `password-wrong`, `password-needed`, `bad-data`.
 */
export async function keyFileInfo(context: Context): Promise<KeyFileInfo> {
  const { content, document } = await openOwnKeyFile(context)
  const keys = await Promise.all(
    content.keys.map(async ({ fingerprint, serial, secretKey }) => {
      const { created } = await readPrimarySecret(secretKey)
      return { fingerprint, serial, created: created.getTime() / 1000 }
    }),
  )
  const { address, root, server, recovered } = content
  return {
    keyFile: context.home.keyFile,
    ...{ address, organization: document.organization, root, server, keys },
    recoveredKeys: recovered.length,
  }
}
