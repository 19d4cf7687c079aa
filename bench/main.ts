/* The benchmarks: `npm run bench -- [NAME...] [--json]`. */
import { MailsealError } from '@mailseal/common'
import { argument, defineCommand, main, option } from '@mailseal/common/program'
import { type Benchmark, FULL, QUICK, type Row } from './benchmark.ts'
import { encrypt } from './encrypt.ts'
import { enroll } from './enroll.ts'
import { table } from './table.ts'
import { verify } from './verify.ts'

/** In the order in which they run. */
const BENCHMARKS: readonly Benchmark[] = [enroll, verify, encrypt]

const NAMES = BENCHMARKS.map(({ name }) => name).join(', ')

const bench = defineCommand({
  name: 'run',
  summary: 'Measures Mailseal beside what does the same work.',
  description: `There are these benchmarks, of which all run if none is named:\n${BENCHMARKS.map(({ name, summary }) => `${name}: ${summary}.`).join('\n')}`,
  arguments: { names: argument.any('NAME', `benchmarks: ${NAMES}`) },
  options: { quick: option.flag('--quick', 'one short round each: shows that they work, and little more') },
  examples: [
    { command: 'npm run bench', description: 'everything' },
    { command: 'npm run bench -- enroll', description: 'one of them' },
    { command: 'npm run bench -- verify encrypt --json', description: 'two of them, for a script' },
  ],
  async run({ args, options, io, say }) {
    const rows: Row[] = []
    for (const benchmark of chosen(args.names)) {
      if (io.isTerminal) await say(`${benchmark.name}: ${benchmark.summary}`)
      rows.push(...(await benchmark.run(options.quick ? QUICK : FULL)))
    }
    return { json: { rows }, text: table(rows) }
  },
})

function chosen(names: readonly string[]): readonly Benchmark[] {
  if (names.length === 0) return BENCHMARKS
  return names.map((name) => {
    const benchmark = BENCHMARKS.find((one) => one.name === name)
    if (benchmark !== undefined) return benchmark
    throw new MailsealError('usage', `there is no benchmark "${name}"`, { hint: `there are: ${NAMES}` })
  })
}

// A program of one command, whose name nobody types.
process.argv.splice(2, 0, bench.name)
await main({ name: 'bench', description: bench.summary, commands: [bench] })
