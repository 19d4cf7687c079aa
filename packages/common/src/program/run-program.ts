import { inspect } from 'node:util'
import { asMailsealError, MailsealError } from '../errors.ts'
import { askOn } from './ask.ts'
import type { CommandResult, Frame } from './command.ts'
import type { Io } from './io.ts'
import { type CommonOptions, parseCommandLine, type Request } from './parser.ts'
import type { Program } from './program.ts'
import { errorLines, jsonLine, printable, speech, write } from './speech.ts'

/**
 * Runs the command that `argv` names and prints its result, or its error, by the rules of speech.
 *
 * @returns The exit code, once all output has left.
 */
export async function runProgram(program: Program): Promise<number> {
  try {
    const request = parseCommandLine(program)
    if (request.kind === 'run') return await runCommand(program, request)
    await print(program.io, wantsJson(program.argv), {
      json: request.kind === 'help' ? { help: request.text } : { name: program.name, version: program.version },
      text: request.text,
    })
    return 0
  } catch (thrown) {
    return reportFailure(program, thrown)
  }
}

async function runCommand(program: Program, request: Extract<Request, { kind: 'run' }>): Promise<number> {
  const frame = makeFrame(program, request.common)
  const result = await request.command.run(request.raw, frame)
  if (!result) return 0
  await frame.announce(result)
  return result.exitCode ?? Math.max(0, ...(result.failures ?? []).map((failure) => failure.exitCode))
}

function makeFrame({ name, io }: Program, { json, quiet, batch }: CommonOptions): Frame {
  return {
    io,
    ask: askOn(io, batch),
    json,
    ...speech(name, io.stderr, quiet),
    announce: (result) => printResult(name, io, json, result),
  }
}

async function printResult(name: string, io: Io, json: boolean, result: CommandResult): Promise<void> {
  await print(io, json, result)
  if (json) return
  for (const failure of result.failures ?? []) await write(io.stderr, errorLines(name, failure))
}

async function print(io: Io, json: boolean, result: CommandResult): Promise<void> {
  if (json) return write(io.stdout, jsonLine(result.json))
  if ('bytes' in result) return write(io.stdout, result.bytes)
  const text = printable(result.text)
  return write(io.stdout, text === '' || text.endsWith('\n') ? text : `${text}\n`)
}

/** Whether --json was meant, for a command line that may be wrong elsewhere. */
function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--')
  return argv.slice(0, end === -1 ? argv.length : end).includes('--json')
}

/**
 * Says what went wrong.
 *
 * @returns The exit code.
 */
export async function reportFailure(program: Pick<Program, 'name' | 'argv' | 'io'>, thrown: unknown): Promise<number> {
  const { name, argv, io } = program
  const error = thrown instanceof MailsealError ? thrown : strangersError(thrown)
  try {
    if (io.env.MAILSEAL_DEBUG) await write(io.stderr, `${inspect(thrown)}\n`)
    await (wantsJson(argv)
      ? write(io.stdout, jsonLine({ error: error.toJSON() }))
      : write(io.stderr, errorLines(name, error)))
  } catch {
    // Nowhere is left to say it; the exit code still does.
  }
  return error.exitCode
}

function strangersError(cause: unknown): MailsealError {
  const { code, message } = asMailsealError(cause)
  return new MailsealError(code, message, {
    hint: 'set MAILSEAL_DEBUG=1, run it again and report what it prints',
    cause,
  })
}
