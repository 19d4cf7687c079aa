import { MailsealError } from '../errors.ts'
import type { Io, Terminal } from './io.ts'
import { asPassword } from './passwords.ts'
import { printable } from './speech.ts'

/** What a refused question is about and how to do without it: the option to give instead. */
export interface Question {
  readonly message: string
  /** What to type where nobody can be asked, such as `give it with --password-file FILE`. */
  readonly instead?: string
}

/** A question whose answer may not do. */
export interface SecretQuestion extends Question {
  /** Throws a {@link MailsealError} for an answer that won't do; it is asked again with that error's message. */
  readonly check?: (answer: string) => void
}

/**
 * Questions to the person at the terminal; each is erased once answered. Where nobody can be asked each refuses at
 * once: `password-needed` for passwords, `usage` for the rest. Ctrl-C and Ctrl-D throw `canceled`.
 */
export interface Ask {
  /** Whether somebody can be asked at all. */
  readonly possible: boolean
  /** A secret that exists; nothing shows while it is typed. */
  password(question: SecretQuestion): Promise<string>
  /** A password to be; typed twice. */
  newPassword(question: SecretQuestion): Promise<string>
  /** Yes or no; Enter alone says no. */
  confirm(question: Question): Promise<boolean>
  input(question: Question): Promise<string>
  choose<T>(question: Question & { readonly choices: readonly { name: string; value: T }[] }): Promise<T>
}

/** Where the answers of one prompt come from, in the form that inquirer takes. */
interface PromptContext {
  readonly input: Terminal['input']
  readonly output: Terminal['output']
  readonly clearPromptOnDone: true
  readonly signal: AbortSignal
}

/** Inquirer takes long to load, and most runs ask nothing. */
const loadPrompts = () => import('@inquirer/prompts')
type Prompts = Awaited<ReturnType<typeof loadPrompts>>

/** How often an answer may be refused, or typed differently the second time. */
const ATTEMPTS = 3

/** Questions on the terminal of `io`, or none at all with `batch`. */
export function askOn(io: Io, batch: boolean): Ask {
  const open = (): Terminal | null => (batch ? null : io.openTerminal())

  async function prompt<T>(refusal: () => MailsealError, show: (on: PromptContext, use: Prompts) => Promise<T>) {
    const terminal = open()
    if (terminal === null) throw refusal()
    try {
      return await answered(terminal, await loadPrompts(), show)
    } finally {
      terminal.close()
    }
  }

  const askPassword = async (question: Question, comment = '') => {
    const typed = await prompt(
      () => new MailsealError('password-needed', `nobody can be asked for the ${lower(question)}`, hintOf(question)),
      (on, use) => use.password({ message: label(question) + comment, toggleMask: false, theme: SILENT_THEME }, on),
    )
    return asPassword(typed, lower(question))
  }

  const refuseQuestion = (question: Question) => () =>
    new MailsealError('usage', `nobody can be asked: ${lower(question)}`, hintOf(question))

  return {
    get possible() {
      const terminal = open()
      terminal?.close()
      return terminal !== null
    },
    password: ({ check, ...question }) =>
      untilAccepted(async (comment) => {
        const password = await askPassword(question, comment)
        check?.(password)
        return password
      }),
    newPassword: ({ check, ...question }) =>
      untilAccepted(async (comment) => {
        const password = await askPassword(question, comment)
        check?.(password)
        if ((await askPassword(question, ' (again)')) === password) return password
        throw new MailsealError('usage', 'the two passwords differ', { hint: 'type the same password twice' })
      }),
    confirm: (question) =>
      prompt(refuseQuestion(question), (on, use) => use.confirm({ message: label(question), default: false }, on)),
    input: (question) => prompt(refuseQuestion(question), (on, use) => use.input({ message: label(question) }, on)),
    choose: ({ choices, ...question }) =>
      prompt(refuseQuestion(question), (on, use) => use.select({ message: label(question), choices }, on)),
  }
}

/** No mask and no word about it: not even the length of a password shows. */
const SILENT_THEME = { style: { maskedText: '' } }

const label = (question: Question) => printable(question.message)
const lower = (question: Question) => question.message.charAt(0).toLowerCase() + question.message.slice(1)
const hintOf = (question: Question) => (question.instead === undefined ? {} : { hint: question.instead })

/** Asks a few times, saying why the answer before would not do. */
async function untilAccepted(ask: (comment: string) => Promise<string>): Promise<string> {
  let comment = ''
  for (let attempt = 1; attempt < ATTEMPTS; attempt++) {
    try {
      return await ask(comment)
    } catch (thrown) {
      if (!isRefusedAnswer(thrown)) throw thrown
      comment = ` (${thrown.message})`
    }
  }
  return ask(comment)
}

/** Whether it is worth asking again: not after Ctrl-C, and not where nobody can be asked. */
function isRefusedAnswer(thrown: unknown): thrown is MailsealError {
  return thrown instanceof MailsealError && !['canceled', 'password-needed', 'internal-error'].includes(thrown.code)
}

async function answered<T>(
  terminal: Terminal,
  use: Prompts,
  show: (on: PromptContext, use: Prompts) => Promise<T>,
): Promise<T> {
  // Inquirer never settles when its input ends, and knows no Ctrl-D.
  const ended = new AbortController()
  const end = () => ended.abort()
  const endOnCtrlD = (_text: unknown, key?: { ctrl?: boolean; name?: string }) => key?.ctrl && key.name === 'd' && end()
  terminal.input.once('end', end).on('keypress', endOnCtrlD)
  try {
    return await show({ ...terminal, clearPromptOnDone: true, signal: ended.signal }, use)
  } catch (cause) {
    if (cause instanceof Error && ['ExitPromptError', 'AbortPromptError'].includes(cause.name)) {
      throw new MailsealError('canceled', 'canceled; nothing was done', { cause })
    }
    throw cause
  } finally {
    terminal.input.off('end', end).off('keypress', endOnCtrlD)
  }
}
