import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { buffer } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

/** How a program ended. */
export interface Outcome {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
  readonly bytes: Buffer
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** What it reads on stdin; nothing unless given. */
  readonly input?: string | Uint8Array
}

/** Runs a program to its end; its exit code is the caller's to judge. */
export async function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const child = spawn(program, args, { cwd: options.cwd, env: { ...process.env, ...options.env } })
  // A program that does not read its input may be gone before all of it is written.
  child.stdin.on('error', () => {})
  child.stdin.end(options.input ?? '')
  const [bytes, errors] = await Promise.all([buffer(child.stdout), buffer(child.stderr), once(child, 'close')])
  return { exitCode: child.exitCode, stdout: bytes.toString(), stderr: errors.toString(), bytes }
}

const PROGRAMS = {
  'mailseal-server': '../../packages/server/bin/mailseal-server.js',
  'mailseal-admin': '../../packages/admin/bin/mailseal-admin.js',
  mailseal: '../../packages/agent/bin/mailseal.js',
} as const

/** File of one of the three programs. */
export function programFile(name: keyof typeof PROGRAMS): string {
  return fileURLToPath(new URL(PROGRAMS[name], import.meta.url))
}

/** Runs one of the three programs as a person would, in a process of its own. */
export function runProgram(
  name: keyof typeof PROGRAMS,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Outcome> {
  return run(process.execPath, [programFile(name), ...args], options)
}
