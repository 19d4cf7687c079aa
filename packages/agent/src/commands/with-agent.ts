import {
  type CommandContext,
  dataFolder,
  type Frame,
  type Io,
  option,
  readPasswordFile,
} from '@mailseal/common/program'
import { type Agent, type AgentOptions, openAgent } from '../agent.ts'
import type { PasswordRequest, Warning } from '../context.ts'
import { assertNewPassword } from '../passwords.ts'

/** The option of every command that opens the key file. */
export const passwordFile = option.text(
  '--password-file FILE',
  "file with the key file's password, instead of asking for it",
)

/** What a file's command line says about passwords. */
interface PasswordOptions {
  readonly passwordFile?: string | undefined
}

const INSTEAD = 'give it with --password-file FILE'

/** The folder of this agent: `MAILSEAL_HOME`, or the platform's data folder. */
function homeOf({ io }: Frame): string {
  return io.env.MAILSEAL_HOME || dataFolder(io, 'mailseal')
}

/**
 * Runs `work` with the agent, whose questions go to the terminal.
 *
 * @throws whatever `work` throws.
 */
export async function withAgent<T>(
  context: Frame & Pick<CommandContext<object, object>, 'options'>,
  work: (agent: Agent) => Promise<T>,
  more: PasswordOptions & Pick<AgentOptions, 'confirmServer'> = {},
): Promise<T> {
  const { passwordFile: file, ...options } = more
  const agent = await openAgent({
    home: homeOf(context),
    password: (request) => passwordFor(context, request, file),
    ...options,
  })
  try {
    return await work(agent)
  } finally {
    await sayAttention(context, agent).finally(() => agent.close())
  }
}

/** Also after a failure: what somebody did to one's address must not go unheard. */
async function sayAttention(frame: Frame, agent: Agent): Promise<void> {
  await sayWarnings(frame, agent.attention())
}

async function passwordFor(
  { ask, io }: Frame,
  { purpose, file }: PasswordRequest,
  from: string | undefined,
): Promise<string> {
  if (from !== undefined) return readPasswordFile(io, from)
  const question = { message: QUESTIONS[purpose](file), instead: INSTEAD }
  return purpose === 'new' ? ask.newPassword({ ...question, check: assertNewPassword }) : ask.password(question)
}

const QUESTIONS: Readonly<Record<PasswordRequest['purpose'], (file: string) => string>> = {
  open: () => 'Password of your key file',
  other: (file) => `Password of the key file "${file}"`,
  continue: () => 'Password of the enrollment that was begun',
  new: () => 'New password for your key file',
}

/** What was said in one run of the program. */
const said = new WeakMap<Io, Set<string>>()

/** Says each warning on stderr, once in a run: what a command tells of itself is not told again for all commands. */
export async function sayWarnings({ warn, io }: Frame, warnings: readonly Warning[]): Promise<void> {
  const before = said.get(io) ?? new Set()
  said.set(io, before)
  for (const { message } of warnings) {
    if (before.has(message)) continue
    before.add(message)
    await warn(message)
  }
}

/** For a command whose own output shows the warnings to people: they are not said beside it again. */
export function shownElsewhere({ io }: Frame, warnings: readonly Warning[]): void {
  said.set(io, new Set([...(said.get(io) ?? []), ...warnings.map(({ message }) => message)]))
}
