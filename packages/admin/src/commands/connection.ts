import { MailsealError } from '@mailseal/common'
import { type Ask, option, readCredentialsFile } from '@mailseal/common/program'
import { type Admin, openAdmin } from '../admin.ts'
import type { CredentialsProvider } from '../task-caller.ts'

/** The options of every command: all of them speak with a KM server. */
export const connectionOptions = {
  server: option.text('--server URL', 'the KM server', {
    env: 'MAILSEAL_SERVER',
    default: 'http://127.0.0.1:8650',
  }),
  credentialsFile: option.text(
    '--credentials-file F',
    'a file with a line NAME:PASSWORD for each administrator, instead of asking; nobody else may be able to read it',
  ),
}

/** The same where no password is needed; whoever always gives the file need not leave it out. */
export const openConnectionOptions = {
  ...connectionOptions,
  credentialsFile: option.text('--credentials-file F', 'has no effect here: no password is needed'),
}

/** What the options above add to the exit codes of a command that needs passwords. */
export const taskExitCodes = {
  67: 'a password is needed and nobody can be asked',
  105: 'password wrong',
  107: 'KM server unreachable',
  108: 'refused by policy',
} as const

/** Passwords that a task needs; every task needs one as long as required numbers can't be set. */
const REQUIRED = 1

interface Connectable {
  readonly options: { readonly server: string; readonly credentialsFile: string | undefined }
  readonly ask: Ask
}

/**
 * The KM server that a command works on. Passwords come from the file, or are asked for when a task needs them, once
 * for all that the command does.
 */
export function connect({ options, ask }: Connectable): Admin {
  const { server, credentialsFile } = options
  const credentials = credentialsFile === undefined ? askFor(ask) : () => readCredentialsFile(credentialsFile)
  return openAdmin({ server, credentials })
}

function askFor(ask: Ask): CredentialsProvider {
  const entered: Awaited<ReturnType<CredentialsProvider>>[number][] = []
  return async () => {
    if (!ask.possible) {
      throw new MailsealError('password-needed', "nobody can be asked for an administrator's password", {
        hint: 'give names and passwords with --credentials-file FILE',
      })
    }
    while (entered.length < REQUIRED) {
      const administrator = await ask.input({ message: 'Administrator' })
      const password = await ask.password({ message: `Password ${entered.length + 1} of ${REQUIRED}` })
      entered.push({ administrator, password })
    }
    return entered
  }
}
