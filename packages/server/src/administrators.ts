import { MailsealError, type Random, toHex } from '@mailseal/common'
import type { Credentials } from '@mailseal/common/rpc'
import { generateSealingKeyPair, type SealingKeyPair } from '@mailseal/common/sealed-channel'
import {
  ARGON2_PARAMETERS,
  type Argon2Parameters,
  openUnderPassword,
  parametersOf,
  sealUnderPassword,
  spendPassword,
} from './password-box.ts'
import type { AdministratorRow, Store } from './store/store.ts'

/** An administrator whose password was right; their key opens their share of the quorum seed. */
export interface VerifiedAdministrator {
  readonly name: string
  readonly keyPair: SealingKeyPair
}

/** Binds the sealed private key to its owner and public half. */
const labelOf = (name: string, publicKey: Uint8Array) => `administrator ${toHex(publicKey)} ${name}`

/** Makes an administrator's key pair, the private half sealed under the password. */
export async function makeAdministratorKey(
  { administrator, password }: Credentials,
  options: { readonly random: Random; readonly argon2: Argon2Parameters },
): Promise<{ keyPair: SealingKeyPair; sealedPrivateKey: Uint8Array<ArrayBuffer> }> {
  const keyPair = await generateSealingKeyPair()
  const label = labelOf(administrator, keyPair.publicKey)
  return { keyPair, sealedPrivateKey: await sealUnderPassword(password, label, keyPair.privateKey, options) }
}

/**
 * Checks names and passwords, one after the other; the first wrong one ends it. A name that nobody has costs what a
 * wrong password costs, and gets the same text.
 *
 * @param credentials - Attacker-controlled, at most `LIMITS.administrators`; each must be right.
 * @returns The administrators, each once however often they stand there; none for no credentials.
 * @throws {@link MailsealError} `password-wrong`; `busy` if too many passwords are being checked.
 */
export async function checkCredentials(
  store: Store,
  credentials: readonly Credentials[],
): Promise<VerifiedAdministrator[]> {
  const known = await store.read((reads) => reads.administrators())
  const verified = new Map<string, VerifiedAdministrator>()
  for (const { administrator, password } of withoutRepeats(credentials)) {
    const row = known.find(({ name }) => name === administrator)
    const keyPair = row ? await openKey(row, password) : await openNobodys(password, known)
    if (keyPair === null) {
      throw new MailsealError('password-wrong', 'administrator name or password is wrong', {
        hint: 'type the name as the KM server knows it, and its password',
      })
    }
    verified.set(administrator, { name: administrator, keyPair })
  }
  return [...verified.values()]
}

/** Equal lines cost Argon2 once; a name with two passwords has a wrong one among them. */
function withoutRepeats(credentials: readonly Credentials[]): Credentials[] {
  const distinct = new Map<string, Credentials>()
  for (const each of credentials) {
    const administrator = each.administrator.normalize('NFC').trim()
    const password = each.password.normalize('NFC')
    distinct.set(JSON.stringify([administrator, password]), { administrator, password })
  }
  return [...distinct.values()]
}

async function openKey(row: AdministratorRow, password: string): Promise<SealingKeyPair | null> {
  const privateKey = await openUnderPassword(password, labelOf(row.name, row.publicKey), row.sealedPrivateKey)
  return privateKey && { publicKey: new Uint8Array(row.publicKey), privateKey }
}

async function openNobodys(password: string, [somebody]: readonly AdministratorRow[]): Promise<null> {
  await spendPassword(password, somebody ? parametersOf(somebody.sealedPrivateKey) : ARGON2_PARAMETERS)
  return null
}
