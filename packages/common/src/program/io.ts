import { closeSync, openSync } from 'node:fs'
import { homedir } from 'node:os'
import type { Readable, Writable } from 'node:stream'
import { ReadStream } from 'node:tty'

/** A person at a keyboard. What is typed never comes from a pipe, and what is asked never goes into one. */
export interface Terminal {
  readonly input: Readable
  readonly output: Writable
  close(): void
}

/** Everything of the process that a program may touch; passed in, so that commands run in tests without one. */
export interface Io {
  readonly stdin: Readable
  readonly stdout: Writable
  readonly stderr: Writable
  readonly env: Readonly<Record<string, string | undefined>>
  readonly platform: NodeJS.Platform
  /** The person's home folder. */
  readonly home: string
  /** Whether stderr is a terminal: only then does progress show. */
  readonly isTerminal: boolean
  /** The terminal for prompts, or null where nobody can be asked. The caller closes it. */
  openTerminal(): Terminal | null
  /** Resolves when somebody wants the program to stop: SIGTERM, SIGINT or SIGHUP; later ones change nothing. */
  untilStopped(): Promise<NodeJS.Signals>
}

/**
 * Prompts need a person who sees stderr. With stdin taken by data, as in `mailseal sign < message`, the answer is
 * read from the controlling terminal instead.
 */
function openTerminal(): Terminal | null {
  if (!process.stderr.isTTY) return null
  if (process.stdin.isTTY) return { input: process.stdin, output: process.stderr, close: () => process.stdin.pause() }
  const input = openControllingTerminal()
  return input && { input, output: process.stderr, close: () => input.destroy() }
}

function openControllingTerminal(): ReadStream | null {
  let descriptor: number
  try {
    descriptor = openSync('/dev/tty', 'r')
  } catch {
    return null
  }
  try {
    return new ReadStream(descriptor)
  } catch {
    closeSync(descriptor)
    return null
  }
}

function untilStopped(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    // The handlers stay: a second Ctrl-C must not cut a clean stop short.
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => resolve(signal))
  })
}

/** The real process. */
export function nodeIo(): Io {
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    platform: process.platform,
    home: homedir(),
    isTerminal: process.stderr.isTTY === true,
    openTerminal,
    untilStopped,
  }
}
