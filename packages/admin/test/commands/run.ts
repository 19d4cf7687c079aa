import { PassThrough, Readable } from 'node:stream'
import { type Io, runProgram } from '@mailseal/common/program'
import { COMMANDS, GROUPS } from '../../src/commands/index.ts'

/** What a person sees in one prompt, and what they type then; null for Ctrl-C. */
export type Script = readonly (readonly [sees: string, types: string | null])[]

/** Runs a command line of mailseal-admin; without a script nobody can be asked. */
export async function run(words: readonly string[], env: Record<string, string> = {}, script?: Script) {
  const streams = { out: new PassThrough(), err: new PassThrough() }
  const io: Io = {
    stdin: Readable.from([]),
    stdout: streams.out,
    stderr: streams.err,
    env,
    platform: 'linux',
    home: '/home/admin',
    isTerminal: false,
    openTerminal: script === undefined ? () => null : person(script),
    untilStopped: () => Promise.resolve('SIGTERM'),
  }
  const program = { name: 'mailseal-admin', version: '0', description: 'Tasks.', groups: GROUPS, commands: COMMANDS }
  const code = await runProgram({ ...program, argv: words, io })
  const read = (stream: PassThrough) => ((stream.read() as Buffer | null) ?? '').toString()
  return { code, out: read(streams.out), err: read(streams.err) }
}

/** A terminal with somebody who answers one prompt after the other. */
function person(script: Script): Io['openTerminal'] {
  let prompts = 0
  return () => {
    const input = new PassThrough()
    const output = new PassThrough()
    let answer = script[prompts]
    let shown = ''
    output.on('data', (chunk: Buffer) => {
      shown += chunk.toString()
      if (!answer || !shown.includes(answer[0])) return
      const [, types] = answer
      answer = undefined
      prompts += 1
      // A prompt shows before it listens.
      setImmediate(() => input.write(types ?? '\u0003'))
    })
    return { input, output, close: () => undefined }
  }
}
