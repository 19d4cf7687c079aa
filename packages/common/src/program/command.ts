import { MailsealError } from '../errors.ts'
import type { Ask } from './ask.ts'
import type { Io } from './io.ts'
import type { Speech } from './speech.ts'

/** What the parser of the command line hands over for one option or argument. */
export type RawValue = string | boolean | readonly string[] | undefined

/** One option of a command; `T` is what the command receives for it. */
export interface OptionSpec<T> {
  /** As COMMANDS and the help write it: `--data DIR`, `--dry-run`. */
  readonly flags: string
  readonly description: string
  readonly kind: 'flag' | 'toggle' | 'text' | 'list'
  readonly required: boolean
  /** Environment variable that stands in for the option. */
  readonly env?: string
  readonly choices?: readonly string[]
  readonly default?: string
  /** @throws {@link MailsealError} `usage`. */
  read(raw: RawValue): T
}

/** One positional argument of a command. */
export interface ArgumentSpec<T> {
  readonly placeholder: string
  readonly description: string
  readonly required: boolean
  readonly variadic: boolean
  read(raw: RawValue): T
}

interface TextSettings {
  readonly default?: string
  readonly required?: boolean
  readonly env?: string
}
type Present = { readonly default: string } | { readonly required: true }

const asOptionalText = (raw: RawValue): string | undefined => (typeof raw === 'string' ? raw : undefined)
const asList = (raw: RawValue): readonly string[] => (Array.isArray(raw) ? raw : [])

function text(flags: string, description: string, settings: TextSettings & Present): OptionSpec<string>
function text(flags: string, description: string, settings?: TextSettings): OptionSpec<string | undefined>
function text(flags: string, description: string, settings: TextSettings = {}): OptionSpec<string | undefined> {
  return { flags, description, kind: 'text', required: false, ...settings, read: asOptionalText }
}

function choice<C extends string>(
  flags: string,
  description: string,
  choices: readonly C[],
  settings: TextSettings & { readonly default: NoInfer<C> },
): OptionSpec<C>
function choice<C extends string>(flags: string, description: string, choices: readonly C[]): OptionSpec<C | undefined>
function choice<C extends string>(
  flags: string,
  description: string,
  choices: readonly C[],
  settings: TextSettings = {},
): OptionSpec<C | undefined> {
  const read = (raw: RawValue) => {
    if (raw === undefined) return undefined
    const chosen = choices.find((known) => known === raw)
    if (chosen !== undefined) return chosen
    throw new MailsealError('usage', `${flags} can't be "${raw}"`, { hint: `one of: ${choices.join(', ')}` })
  }
  return { flags, description, kind: 'text', required: false, choices, ...settings, read }
}

/** The kinds of options. */
export const option = {
  /** `--dry-run`: true if given. `--no-sign` is a flag like any other: true if given. */
  flag: (flags: string, description: string): OptionSpec<boolean> => ({
    flags,
    description,
    kind: 'flag',
    required: false,
    read: (raw) => raw === true,
  }),
  /** `--send` with `--no-send`: true, false, or undefined if neither is given. */
  toggle: (flags: string, description: string): OptionSpec<boolean | undefined> => ({
    flags,
    description,
    kind: 'toggle',
    required: false,
    read: (raw) => (typeof raw === 'boolean' ? raw : undefined),
  }),
  /** `--data DIR`. */
  text,
  /** `--reason REASON`, one of a few. */
  choice,
  /** `--domain DOMAIN`, as often as wanted. */
  list: (flags: string, description: string, settings: { required?: boolean } = {}): OptionSpec<readonly string[]> => ({
    flags,
    description,
    kind: 'list',
    required: false,
    ...settings,
    read: asList,
  }),
}

/** The kinds of arguments. */
export const argument = {
  one: (placeholder: string, description: string): ArgumentSpec<string> => ({
    placeholder,
    description,
    required: true,
    variadic: false,
    read: (raw) => {
      // The parser has refused a command line without it.
      if (typeof raw !== 'string') throw new TypeError(`${placeholder} is missing`)
      return raw
    },
  }),
  optional: (placeholder: string, description: string): ArgumentSpec<string | undefined> => ({
    placeholder,
    description,
    required: false,
    variadic: false,
    read: asOptionalText,
  }),
  /** One or more. */
  some: (placeholder: string, description: string): ArgumentSpec<readonly string[]> => ({
    placeholder,
    description,
    required: true,
    variadic: true,
    read: asList,
  }),
  /** Any number, also none. */
  any: (placeholder: string, description: string): ArgumentSpec<readonly string[]> => ({
    placeholder,
    description,
    required: false,
    variadic: true,
    read: asList,
  }),
}

type Specs<S> = Readonly<Record<string, S>>
type Values<S> = { readonly [K in keyof S]: S[K] extends { read(raw: RawValue): infer T } ? T : never }

/** What a command answers; the frame prints it. */
export type CommandResult = {
  /** The one object of --json. */
  readonly json: object
  /** What was refused while the rest was done; goes to stderr as errors, but not with --json, whose object holds it. */
  readonly failures?: readonly MailsealError[]
  /** The code the program exits with; the highest of the failures if not given, and 0 without any. */
  readonly exitCode?: number
} & (
  | {
      /** What a person reads on stdout; empty where there is nothing to say. A missing last line feed is added. */
      readonly text: string
    }
  | {
      /** What goes to stdout byte for byte, such as a message. */
      readonly bytes: Uint8Array
    }
)

/** What every command gets, whatever its options. */
export interface Frame extends Speech {
  readonly io: Io
  readonly ask: Ask
  /** Whether the result goes out as one object, to a script: for what text could not hold. */
  readonly json: boolean
  /** Prints a result at once, for a command that goes on running; it then returns nothing. */
  announce(result: CommandResult): Promise<void>
}

/** What a command's `run` gets. */
export interface CommandContext<O, A> extends Frame {
  readonly options: Values<O>
  readonly args: Values<A>
}

/** One line of a command's help that can be typed, and what it does. */
export interface Example {
  readonly command: string
  /** Lower case; the help puts a colon behind it. */
  readonly description: string
}

interface CommandHelp {
  /** As typed after the program's name: `enroll`, `mailboxes add`. */
  readonly name: string
  /** One sentence. */
  readonly summary: string
  /** The concept, in a paragraph. */
  readonly description: string
  /** From plain to rare. */
  readonly examples: readonly [Example, Example, Example]
  /** The codes it exits with beside 0, 1 and 2. */
  readonly exitCodes?: Readonly<Record<number, string>>
}

/** A command as its file writes it. */
export interface CommandDefinition<O extends Specs<OptionSpec<unknown>>, A extends Specs<ArgumentSpec<unknown>>>
  extends CommandHelp {
  /** In the order in which they are typed. */
  readonly arguments: A
  readonly options: O
  run(context: CommandContext<O, A>): Promise<CommandResult | undefined>
}

/** A command as the frame runs it. */
export interface Command extends CommandHelp {
  readonly arguments: Specs<ArgumentSpec<unknown>>
  readonly options: Specs<OptionSpec<unknown>>
  /** @param raw - The value of each option and argument by its key, as parsed. */
  run(raw: RawInput, frame: Frame): Promise<CommandResult | undefined>
}

export interface RawInput {
  readonly options: ReadonlyMap<string, RawValue>
  readonly args: ReadonlyMap<string, RawValue>
}

function readAll<S extends Specs<{ read(raw: RawValue): unknown }>>(
  specs: S,
  raw: ReadonlyMap<string, RawValue>,
): Values<S> {
  return Object.fromEntries(Object.entries(specs).map(([key, spec]) => [key, spec.read(raw.get(key))])) as Values<S>
}

/**
 * One command, one file, one value: `export const revoke = defineCommand({ ... })`.
 *
 * @throws TypeError if the help says too little.
 */
export function defineCommand<const O extends Specs<OptionSpec<unknown>>, const A extends Specs<ArgumentSpec<unknown>>>(
  definition: CommandDefinition<O, A>,
): Command {
  if (!/^[a-z-]+( [a-z-]+)*$/.test(definition.name)) throw new TypeError(`"${definition.name}" is no name of a command`)
  if (!/^[A-Z][^.]*\.$/.test(definition.summary))
    throw new TypeError(`${definition.name}: summary must be one sentence`)
  if (definition.description.trim() === '') throw new TypeError(`${definition.name}: description is missing`)
  return {
    ...definition,
    run: (raw, frame) =>
      definition.run({
        ...frame,
        options: readAll(definition.options, raw.options),
        args: readAll(definition.arguments, raw.args),
      }),
  }
}
