import { PassThrough, Readable } from 'node:stream'
import { type Command, type Io, runProgram, type Terminal } from '../../src/program/index.ts'

interface Settings {
  readonly stdin?: string | Uint8Array
  readonly env?: Record<string, string>
  readonly openTerminal?: () => Terminal | null
}

/** An Io whose streams stay in this process; `out` and `err` are all that was written so far. */
export function testIo({ stdin = '', env = {}, openTerminal = () => null }: Settings = {}) {
  const streams = { out: new PassThrough(), err: new PassThrough() }
  const io: Io = {
    stdin: Readable.from([Buffer.from(stdin)]),
    stdout: streams.out,
    stderr: streams.err,
    env,
    platform: 'linux',
    home: '/home/alice',
    isTerminal: false,
    openTerminal,
    untilStopped: () => Promise.resolve('SIGTERM'),
  }
  const read = (stream: PassThrough) => (stream.read() as Buffer | null) ?? Buffer.alloc(0)
  return {
    io,
    bytes: () => read(streams.out),
    out: () => read(streams.out).toString(),
    err: () => read(streams.err).toString(),
  }
}

/** Runs `words` as a command line of a program `seal` and returns all it said. */
export async function run(commands: readonly Command[], words: readonly string[], settings: Settings = {}) {
  const { io, bytes, err } = testIo(settings)
  const groups = { boxes: 'Boxes, and what is in them.' }
  const program = { name: 'seal', version: '1.2.3', description: 'Seals.', groups, commands, argv: words, io }
  const code = await runProgram(program)
  const out = bytes()
  return { code, out: out.toString(), bytes: out, err: err() }
}
