/** A small program for process.test.ts: what only a real process shows. */
import { argument, defineCommand, main, readInput } from '../../src/program/index.ts'

const HELP = {
  summary: 'Shows something.',
  description: 'For tests.',
  examples: [
    { command: 'fixture large 9', description: 'prints nine bytes' },
    { command: 'fixture later', description: 'throws where nobody catches' },
    { command: 'fixture ask', description: 'asks for a password' },
  ],
} as const

const large = defineCommand({
  ...HELP,
  name: 'large',
  arguments: { size: argument.one('BYTES', 'how much') },
  options: {},
  run: async ({ args }) => ({ json: {}, text: 'x'.repeat(Number(args.size)), exitCode: 100 }),
})

const later = defineCommand({
  ...HELP,
  name: 'later',
  arguments: {},
  options: {},
  run: () =>
    new Promise(() => {
      setImmediate(() => {
        throw new RangeError('SECRET')
      })
    }),
})

const ask = defineCommand({
  ...HELP,
  name: 'ask',
  arguments: {},
  options: {},
  run: async (context) => {
    const input = await readInput(context.io, '-', 100)
    const password = await context.ask.password({ message: 'Password' })
    return { json: {}, text: `stdin ${input.length}, password ${password.length}` }
  },
})

const wait = defineCommand({
  ...HELP,
  name: 'wait',
  arguments: {},
  options: {},
  run: async ({ announce, io }) => {
    const alive = setInterval(() => undefined, 1000)
    const stopped = io.untilStopped()
    await announce({ json: {}, text: 'waiting' })
    const signal = await stopped
    clearInterval(alive)
    return { json: {}, text: `stopped by ${signal}`, exitCode: 7 }
  },
})

await main({ name: 'fixture', description: 'For tests.', commands: [large, later, ask, wait] })
