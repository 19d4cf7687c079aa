import { PassThrough, Readable } from 'node:stream'
import { type Io, runProgram, type Terminal } from '@mailseal/common/program'
import { COMMANDS, GROUPS } from '../../src/commands/index.ts'

/** Runs a command line of mailseal in this process, where nobody can be asked unless a terminal is given. */
export async function run(
  words: readonly string[],
  env: Record<string, string> = {},
  openTerminal: () => Terminal | null = () => null,
) {
  const streams = { out: new PassThrough(), err: new PassThrough() }
  const io: Io = {
    stdin: Readable.from([]),
    stdout: streams.out,
    stderr: streams.err,
    env,
    platform: 'linux',
    home: '/home/alice',
    isTerminal: false,
    openTerminal,
    untilStopped: () => Promise.resolve('SIGTERM'),
  }
  const program = { name: 'mailseal', version: '0', description: 'Mail.', groups: GROUPS, commands: COMMANDS }
  const code = await runProgram({ ...program, argv: words, io })
  const read = (stream: PassThrough) => ((stream.read() as Buffer | null) ?? '').toString()
  return { code, out: read(streams.out), err: read(streams.err) }
}
