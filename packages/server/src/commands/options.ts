import { resolve } from 'node:path'
import { dataFolder, type Io, option } from '@mailseal/common/program'

/** Options that several commands share. */
export const dataOption = option.text('--data DIR', "the KM server's data folder", { env: 'MAILSEAL_SERVER_DATA' })

export const startupSecretFileOption = option.text(
  '--startup-secret-file FILE',
  'file with the secret that unlocks the CA and the sealing key',
)

/** The data folder given, or the platform's. Absolute. */
export function dataFolderOf(data: string | undefined, io: Io): string {
  return resolve(data ?? dataFolder(io, 'mailseal-server'))
}
