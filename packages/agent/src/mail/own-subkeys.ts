import { readSecretSubkeys } from '@mailseal/common/certificate'
import type * as openpgp from 'openpgp'
import type { KeyFileContent } from '../key-file/content.ts'

/** One of one's own secret encryption keys, from whatever enrollment. */
export interface OwnSubkey {
  readonly key: openpgp.SecretSubkeyPacket
  /** Whose it is: the address of the key file. */
  readonly address: string
  /** Of the primary key that it was made with; null for one from the archive. */
  readonly primaryFingerprint: string | null
}

/** Every secret encryption key of a key file, the current one first. */
export async function ownSubkeys({ address, keys, recovered }: KeyFileContent): Promise<readonly OwnSubkey[]> {
  const ofKeys = keys.map(async ({ secretKey, fingerprint }) =>
    (await readSecretSubkeys(secretKey)).map((key) => ({ key, address, primaryFingerprint: fingerprint })),
  )
  const ofArchive = recovered.map(async (subkey) =>
    (await readSecretSubkeys(subkey)).map((key) => ({ key, address, primaryFingerprint: null })),
  )
  return (await Promise.all([...ofKeys, ...ofArchive])).flat()
}
