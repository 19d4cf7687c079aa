import { join } from 'node:path'

/** Where everything of an agent lives: the files of one `MAILSEAL_HOME`. */
export interface Home {
  readonly folder: string
  readonly keyFile: string
  /** What an enrollment needs to be finished, while it is not. */
  readonly pending: string
  readonly state: string
  readonly revocationList: string
}

export function homeAt(folder: string): Home {
  return {
    folder,
    keyFile: join(folder, 'mailseal.keyfile'),
    pending: join(folder, 'enrollment.pending'),
    state: join(folder, 'state.sqlite'),
    revocationList: join(folder, 'revocations.crl'),
  }
}
