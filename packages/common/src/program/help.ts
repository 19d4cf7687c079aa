import type * as Commander from 'commander'
import type { ArgumentSpec, Command, OptionSpec } from './command.ts'
import type { Program } from './program.ts'

/** The options of every command. */
export const COMMON_OPTIONS: readonly (readonly [flags: string, description: string])[] = [
  ['--json', 'print one JSON object, also for a failure'],
  ['--quiet', 'say nothing on stderr but warnings and errors'],
  ['--batch', 'never ask; fail where an answer would be needed'],
]
export const HELP_OPTION = ['-h, --help', 'show this help'] as const
export const VERSION_OPTION = ['--version', 'show the version'] as const

/** The codes that every command can exit with; DESIGN and docs/errors.md hold them all. */
const COMMON_EXIT_CODES: Readonly<Record<number, string>> = { 0: 'done', 1: 'failed', 2: 'wrong usage' }

const WIDTH = 80

type Row = readonly [term: string, description: string]

function list(helper: Commander.Help, title: string, rows: readonly Row[]): string[] {
  const width = Math.max(0, ...rows.map(([term]) => term.length))
  const lines = rows.map(([term, description]) => helper.formatItem(term, width, description, helper))
  return lines.length === 0 ? [] : ['', `${title}:`, ...lines]
}

function argumentTerm(argument: ArgumentSpec<unknown>): string {
  const term = argument.variadic ? `${argument.placeholder}...` : argument.placeholder
  return argument.required ? term : `[${term}]`
}

function optionRow(option: OptionSpec<unknown>): Row {
  const notes = [
    option.required && 'required',
    option.kind === 'list' && 'may be given several times',
    option.choices && `one of: ${option.choices.join(', ')}`,
    option.env && `or the variable ${option.env}`,
    option.default !== undefined && option.default !== '' && `default: ${option.default}`,
  ].filter((note) => typeof note === 'string')
  const flags = option.kind === 'toggle' ? `${option.flags} | --no-${option.flags.slice(2)}` : option.flags
  return [flags, notes.length === 0 ? option.description : `${option.description} (${notes.join('; ')})`]
}

const commonOptions = (helper: Commander.Help) =>
  list(helper, 'Common options', [...COMMON_OPTIONS, HELP_OPTION, VERSION_OPTION])

/** Help of one command: a sentence, the concept, options, arguments, exit codes, three examples. */
export function commandHelp(program: Program, command: Command, helper: Commander.Help): string {
  helper.helpWidth = WIDTH
  const argumentSpecs = Object.values(command.arguments)
  const usage = [program.name, command.name, '[options]', ...argumentSpecs.map(argumentTerm)].join(' ')
  const exitCodes = Object.entries({ ...COMMON_EXIT_CODES, ...command.exitCodes })
  const lines = [
    command.summary,
    '',
    `Usage: ${usage}`,
    '',
    helper.boxWrap(command.description, WIDTH),
    ...list(
      helper,
      'Arguments',
      argumentSpecs.map((spec) => [argumentTerm(spec), spec.description]),
    ),
    ...list(helper, 'Options', Object.values(command.options).map(optionRow)),
    ...commonOptions(helper),
    ...list(helper, 'Exit codes', exitCodes),
    '',
    'Examples:',
    ...command.examples.flatMap((example) => [`  ${example.description}:`, `    $ ${example.command}`]),
  ]
  return `${lines.join('\n')}\n`
}

/** Help of the program, or of a group of its commands such as `mailboxes`. */
export function groupHelp(
  program: Program,
  path: string,
  rows: readonly Row[],
  description: string,
  helper: Commander.Help,
): string {
  helper.helpWidth = WIDTH
  const lines = [
    helper.boxWrap(description, WIDTH),
    '',
    `Usage: ${path} COMMAND`,
    ...list(helper, 'Commands', rows),
    ...commonOptions(helper),
    '',
    `Help of one command: ${program.name} COMMAND --help`,
  ]
  return `${lines.join('\n')}\n`
}
