/*
 * The rules of speech, for all three programs.
 *
 * - stdout is data: what was asked for, as text for people or, with --json, as exactly one object. Nothing else.
 * - stderr is talk. Every line of it begins with the program's name, so that it is known in a log or a pipe.
 * - Errors are two lines, "error:" and "hint:"; the hint is something to do. With --json they go to stdout as an object.
 * - --quiet silences talk. Warnings and errors are never silenced: they say that something is wrong.
 * - Prompts use the terminal, never stdin or stdout, and are erased afterwards. Without a terminal, or with --batch,
 *   nothing waits for an answer: what would have been asked is an error that names the option to give.
 * - A success with nothing to say says nothing.
 * - Text from outside (names, subjects, addresses) can't move the cursor, color the screen or reverse its direction.
 */
import type { Writable } from 'node:stream'
import { MailsealError } from '../errors.ts'

/** C0 but tab and line feed, DEL, C1, and the marks and overrides of text direction (Unicode, UAX #9). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach a terminal
const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g

function escapeUnsafe(text: string): string {
  return text.replace(UNSAFE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** Text that any terminal can show: control characters and marks of direction become `\uXXXX`. */
export function printable(text: string): string {
  return escapeUnsafe(text.replaceAll('\r\n', '\n'))
}

function oneLine(text: string): string {
  return printable(text).replaceAll('\n', ' ')
}

/** One JSON object on one line, as safe for a terminal as {@link printable} text, and the same JSON to a parser. */
export function jsonLine(value: object): string {
  return `${escapeUnsafe(JSON.stringify(value))}\n`
}

/**
 * Writes it all and waits until it has left the process. A reader that went away (`| head`) is no failure.
 *
 * @throws {@link MailsealError} `unwritable-file` if the disk is full or the like.
 */
export async function write(stream: Writable, data: string | Uint8Array): Promise<void> {
  if (data.length === 0) return
  const failure = await new Promise<Error | null | undefined>((resolve) => {
    stream.once('error', resolve)
    stream.write(data, (error) => {
      // The stream emits the same error once more; a listener must still be there then.
      if (!error) stream.off('error', resolve)
      resolve(error)
    })
  })
  if (!failure || isReaderGone(stream, failure)) return
  throw new MailsealError('unwritable-file', 'the output could not be written', { cause: failure })
}

/** A pipe that nobody reads any more, or a terminal whose window was closed. */
function isReaderGone(stream: Writable, failure: Error): boolean {
  const code = (failure as NodeJS.ErrnoException).code
  const isTerminal = 'isTTY' in stream && stream.isTTY === true
  return code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED' || (code === 'EIO' && isTerminal)
}

/** What a command says beside its result. */
export interface Speech {
  /** Talk: what is going on. Silent with --quiet. */
  say(text: string): Promise<void>
  /** Something is wrong, but not so that the command fails. */
  warn(text: string): Promise<void>
}

/** Talk of the program `name` on `stderr`. */
export function speech(name: string, stderr: Writable, quiet: boolean): Speech {
  const lines = (prefix: string, text: string) =>
    write(stderr, printable(text).replace(/\n$/, '').replaceAll(/^/gm, prefix).concat('\n'))
  return {
    say: async (text) => (quiet ? undefined : lines(`${name}: `, text)),
    warn: (text) => lines(`${name}: warning: `, text),
  }
}

/** The two lines of an error; one where there is nothing to do about it. */
export function errorLines(name: string, error: MailsealError): string {
  const hint = error.hint === undefined ? '' : `${name}: hint: ${oneLine(error.hint)}\n`
  return `${name}: error: ${oneLine(error.message)}\n${hint}`
}
