import * as Commander from 'commander'
import { MailsealError } from '../errors.ts'
import type { Command, OptionSpec, RawInput, RawValue } from './command.ts'
import { COMMON_OPTIONS, commandHelp, groupHelp, HELP_OPTION, VERSION_OPTION } from './help.ts'
import type { Program } from './program.ts'

/** The options that every command has. */
export interface CommonOptions {
  readonly json: boolean
  readonly quiet: boolean
  readonly batch: boolean
}

/** What a command line asks for. */
export type Request =
  | { readonly kind: 'run'; readonly command: Command; readonly raw: RawInput; readonly common: CommonOptions }
  | { readonly kind: 'help' | 'version'; readonly text: string }

/** `--data DIR` as commander writes it. */
const commanderFlags = (flags: string) => flags.replace(/ (\S+)$/, ' <$1>')

function addOption(target: Commander.Command, spec: OptionSpec<unknown>): Commander.Option {
  const main = new Commander.Option(commanderFlags(spec.flags), spec.description)
  if (spec.kind === 'list') {
    main.argParser<readonly string[] | undefined>((value, previous) => [...(previous ?? []), value])
  }
  target.addOption(main)
  return main
}

/** Adds a toggle's other form. Commander lets the last one win; the check that is returned refuses both. */
function addOpposite(target: Commander.Command, { flags, kind }: OptionSpec<unknown>): () => void {
  if (kind !== 'toggle') return () => undefined
  const forms = [flags, `--no-${flags.slice(2)}`] as const
  target.option(forms[1])
  const typed = new Set<string>()
  for (const form of forms) target.on(`option:${form.slice(2)}`, () => typed.add(form))
  return () => {
    if (typed.size > 1) throw new MailsealError('usage', `${forms.join(' and ')} can't be given together`)
  }
}

function rawOption(
  spec: OptionSpec<unknown>,
  typed: { readonly negate: boolean; readonly value: RawValue },
  env: Program['io']['env'],
): RawValue {
  // Commander takes a lone --no-x for "x is true unless".
  if (typed.negate) return typed.value === false
  const value = typed.value ?? (spec.env === undefined ? undefined : env[spec.env] || undefined) ?? spec.default
  if (spec.required && value === undefined) throw new MailsealError('usage', `option ${spec.flags} is missing`)
  return value
}

function setUp(target: Commander.Command, program: Program): Commander.Command {
  for (const [flags, description] of COMMON_OPTIONS) target.option(flags, description)
  target.version(program.version, ...VERSION_OPTION)
  return target
    .helpOption(...HELP_OPTION)
    .helpCommand(false)
    .enablePositionalOptions()
}

function isSet(target: Commander.Command | null, name: string): boolean {
  return target !== null && (target.getOptionValue(name) === true || isSet(target.parent, name))
}

function addCommand(
  parent: Commander.Command,
  name: string,
  command: Command,
  program: Program,
  requested: (request: Request) => void,
): void {
  const target = setUp(parent.command(name), program)
  target.configureHelp({ formatHelp: (_target, helper) => commandHelp(program, command, helper) })
  const options = Object.entries(command.options).map(([key, spec]) => ({ key, spec, main: addOption(target, spec) }))
  const checks = Object.values(command.options).map((spec) => addOpposite(target, spec))
  for (const spec of Object.values(command.arguments)) {
    const term = spec.variadic ? `${spec.placeholder}...` : spec.placeholder
    target.argument(spec.required ? `<${term}>` : `[${term}]`, spec.description)
  }
  target.action(() => {
    for (const check of checks) check()
    const argumentKeys = Object.keys(command.arguments)
    const typed = (main: Commander.Option) => ({
      negate: main.negate,
      value: target.getOptionValue(main.attributeName()) as RawValue,
    })
    requested({
      kind: 'run',
      command,
      raw: {
        options: new Map(options.map(({ key, spec, main }) => [key, rawOption(spec, typed(main), program.io.env)])),
        args: new Map(argumentKeys.map((key, index) => [key, target.processedArgs[index] as RawValue])),
      },
      common: { json: isSet(target, 'json'), quiet: isSet(target, 'quiet'), batch: isSet(target, 'batch') },
    })
  })
}

function groupOf(root: Commander.Command, name: string, program: Program): Commander.Command {
  const existing = root.commands.find((command) => command.name() === name)
  if (existing) return existing
  const description = program.groups?.[name]
  if (description === undefined) throw new TypeError(`group "${name}" has no description`)
  const group = setUp(root.command(name), program)
  const rows = program.commands
    .filter((command) => command.name.startsWith(`${name} `))
    .map((command) => [command.name, command.summary] as const)
  return group.configureHelp({
    formatHelp: (_target, helper) => groupHelp(program, `${program.name} ${name}`, rows, description, helper),
  })
}

function rootRows(program: Program): (readonly [string, string])[] {
  const rows = new Map<string, string>()
  for (const command of program.commands) {
    const [first = ''] = command.name.split(' ')
    rows.set(first, first === command.name ? command.summary : (program.groups?.[first] ?? ''))
  }
  return [...rows]
}

function buildParser(program: Program, printed: string[], requested: (request: Request) => void): Commander.Command {
  const root = setUp(new Commander.Command(program.name), program)
    .exitOverride()
    .configureOutput({ writeOut: (text) => printed.push(text), writeErr: () => undefined })
    .configureHelp({
      formatHelp: (_target, helper) => groupHelp(program, program.name, rootRows(program), program.description, helper),
    })
  for (const command of program.commands) {
    const words = command.name.split(' ')
    const last = words.pop() ?? ''
    const parent = words.reduce((above, word) => groupOf(above, word, program), root)
    addCommand(parent, last, command, program, requested)
  }
  return root
}

/** The command a person would ask for help of: its first words, options aside. */
function helpCommand(root: Commander.Command, argv: readonly string[]): string {
  const path = [root.name()]
  let at = root
  for (const word of argv.filter((word) => !word.startsWith('-'))) {
    const next = at.commands.find((command) => command.name() === word)
    if (!next) break
    path.push(word)
    at = next
  }
  return `${path.join(' ')} --help`
}

/** Commander's words in ours. What follows `=` or "got" may be a secret and is left out. */
function usageError(thrown: Commander.CommanderError, seeHelp: string): MailsealError {
  const [first = '', suggestion = ''] = thrown.message.split('\n')
  const didYouMean = /Did you mean (.*)\?\)/.exec(suggestion)?.[1]
  const message =
    thrown.code === 'commander.help'
      ? 'command is missing'
      : first
          .replace(/^error: /, '')
          .replace(/(unknown option '[^=]*)=.*'$/s, "$1'")
          .replace(/\. Expected (\d+) arguments?.*$/s, ' ($1 at most)')
          .replace(/ <(\S+)>/, ' $1')
          .replaceAll("'", '"')
  const hint = didYouMean ? `did you mean ${didYouMean}? All of it: ${seeHelp}` : `see ${seeHelp}`
  return new MailsealError('usage', message, { hint, cause: thrown })
}

/**
 * Reads a command line.
 *
 * @throws {@link MailsealError} `usage`.
 */
export function parseCommandLine(program: Program): Request {
  const printed: string[] = []
  let request: Request | undefined
  const root = buildParser(program, printed, (found) => {
    request = found
  })
  const seeHelp = helpCommand(root, program.argv)
  try {
    root.parse([...program.argv], { from: 'user' })
  } catch (thrown) {
    if (thrown instanceof Commander.CommanderError && thrown.exitCode === 0) {
      return { kind: thrown.code === 'commander.version' ? 'version' : 'help', text: printed.join('') }
    }
    if (thrown instanceof Commander.CommanderError) throw usageError(thrown, seeHelp)
    if (thrown instanceof MailsealError && thrown.hint === undefined) {
      throw new MailsealError(thrown.code, thrown.message, { hint: `see ${seeHelp}`, cause: thrown })
    }
    throw thrown
  }
  if (request) return request
  throw new MailsealError('usage', 'command is missing', { hint: `see ${seeHelp}` })
}
