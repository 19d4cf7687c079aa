import { expect, test } from 'vitest'
import { MailsealError } from '../../src/errors.ts'
import { argument, type Command, defineCommand, option } from '../../src/program/index.ts'
import { run } from './test-io.ts'

const EXAMPLES = [
  { command: 'seal boxes add a', description: 'one' },
  { command: 'seal boxes add b', description: 'two' },
  { command: 'seal boxes add c', description: 'three' },
] as const

const add = defineCommand({
  name: 'boxes add',
  summary: 'Adds boxes.',
  description: 'A box holds things. '.repeat(10),
  arguments: { first: argument.one('FIRST', 'the first'), others: argument.any('OTHER', 'more of them') },
  options: {
    name: option.text('--name NAME', 'its name'),
    note: option.text('--note TEXT', 'a note', { default: '' }),
    listen: option.text('--listen ADDRESS', 'where to listen', { default: ':1', env: 'SEAL_LISTEN' }),
    reason: option.choice('--reason REASON', 'why', ['left', 'compromised']),
    domains: option.list('--domain DOMAIN', 'where'),
    send: option.toggle('--send', 'mail it, or not'),
    dryRun: option.flag('--dry-run', 'do nothing'),
    noSign: option.flag('--no-sign', 'leave out the signature'),
  },
  examples: EXAMPLES,
  exitCodes: { 104: 'the box is in use' },
  run: async ({ options, args }) => ({ json: { ...options, ...args }, text: `added ${args.first}` }),
})

/** A command that takes nothing and does `body`. */
const does = (body: Parameters<typeof defineCommand>[0]['run']): Command =>
  defineCommand({
    name: 'do',
    summary: 'Does it.',
    description: 'It is done.',
    arguments: {},
    options: {},
    examples: EXAMPLES,
    run: body,
  })

const json = async (words: string[], env: Record<string, string> = {}) =>
  JSON.parse((await run([add], ['boxes', 'add', ...words, '--json'], { env })).out)

test('options and arguments arrive as they are declared', async () => {
  const given = [
    '--name',
    'N',
    '--listen=:2',
    '--reason',
    'left',
    '--domain',
    'a',
    '--domain',
    'b',
    '--send',
    '--dry-run',
  ]
  expect(await json([...given, '--no-sign', 'x', 'y', '-'])).toEqual({
    ...{
      name: 'N',
      note: '',
      listen: ':2',
      reason: 'left',
      domains: ['a', 'b'],
      send: true,
      dryRun: true,
      noSign: true,
    },
    ...{ first: 'x', others: ['y', '-'] },
  })
  expect(await json(['x'])).toEqual({
    ...{ note: '', listen: ':1', domains: [], dryRun: false, noSign: false, first: 'x', others: [] },
  })
  expect(await json(['x', '--no-send'])).toMatchObject({ send: false })
})

test('a variable of the environment stands in for an option, and gives way to it', async () => {
  expect(await json(['x'], { SEAL_LISTEN: ':7' })).toMatchObject({ listen: ':7' })
  expect(await json(['x', '--listen', ':8'], { SEAL_LISTEN: ':7' })).toMatchObject({ listen: ':8' })
})

test('a result is text, or with --json one object, wherever --json stands', async () => {
  expect(await run([add], ['boxes', 'add', 'x'])).toMatchObject({ code: 0, out: 'added x\n', err: '' })
  for (const words of [
    ['--json', 'boxes', 'add', 'x'],
    ['boxes', '--json', 'add', 'x'],
    ['boxes', 'add', 'x', '--json'],
  ]) {
    const { code, out, err } = await run([add], words)
    expect([code, JSON.parse(out).first, out.split('\n').length, err]).toEqual([0, 'x', 2, ''])
  }
})

test('a result can be bytes, can say nothing, and can carry an exit code', async () => {
  const bytes = Uint8Array.from([0, 13, 10, 27, 255])
  expect((await run([does(async () => ({ json: {}, bytes }))], ['do'])).bytes).toEqual(Buffer.from(bytes))
  expect(await run([does(async () => ({ json: {}, text: '' }))], ['do'])).toMatchObject({ code: 0, out: '', err: '' })
  const revoked = does(async () => ({ json: {}, text: 'revoked', exitCode: 100 }))
  expect(await run([revoked], ['do'])).toMatchObject({ code: 100, out: 'revoked\n' })
})

test('a command that goes on running announces its result before it ends', async () => {
  const start = does(async ({ announce, io }) => {
    await announce({ json: { url: 'u' }, text: 'listening on u' })
    await io.untilStopped()
    return undefined
  })
  expect(await run([start], ['do'])).toMatchObject({ code: 0, out: 'listening on u\n' })
  expect(await run([start], ['do', '--json'])).toMatchObject({ code: 0, out: '{"url":"u"}\n' })
})

test('--quiet silences talk, not warnings', async () => {
  const talk = does(async ({ say, warn }) => {
    await say('one\ntwo')
    await warn('three')
    return undefined
  })
  expect(await run([talk], ['do'])).toMatchObject({ out: '', err: 'seal: one\nseal: two\nseal: warning: three\n' })
  expect(await run([talk], ['do', '--quiet'])).toMatchObject({ out: '', err: 'seal: warning: three\n' })
})

test('a failure is two lines on stderr, or one object on stdout', async () => {
  const failing = does(async () => {
    throw new MailsealError('task-not-allowed', 'mailbox is Active', { hint: 'revoke it first' })
  })
  expect(await run([failing], ['do'])).toMatchObject({
    ...{ code: 104, out: '', err: 'seal: error: mailbox is Active\nseal: hint: revoke it first\n' },
  })
  const { code, out, err } = await run([failing], ['do', '--json'])
  expect([code, err]).toEqual([104, ''])
  expect(JSON.parse(out)).toEqual({
    error: { code: 'task-not-allowed', message: 'mailbox is Active', hint: 'revoke it first' },
  })
})

test('an exception of nobody known is an internal error, whose trace shows only on demand', async () => {
  const broken = does(async () => {
    throw new RangeError('SECRET')
  })
  const { code, out, err } = await run([broken], ['do'])
  expect([code, out]).toEqual([1, ''])
  expect(err).toBe(
    'seal: error: something went wrong inside\nseal: hint: set MAILSEAL_DEBUG=1, run it again and report what it prints\n',
  )
  expect(await run([broken], ['do', '--json'])).toMatchObject({ out: expect.not.stringContaining('SECRET'), err: '' })
  const { err: debug } = await run([broken], ['do'], { env: { MAILSEAL_DEBUG: '1' } })
  expect(debug).toMatch(/RangeError: SECRET\n +at .*run-program\.test\.ts/)
})

test.each([
  [
    ['boxes', 'add', 'x', '--nmae', 'y'],
    'unknown option "--nmae"',
    'did you mean --name? All of it: seal boxes add --help',
  ],
  [['boxes', 'add', 'x', '--password=SECRET'], 'unknown option "--password"', 'see seal boxes add --help'],
  [['boxes', 'add'], 'missing required argument "FIRST"', 'see seal boxes add --help'],
  [['do', 'SECRET'], 'too many arguments for "do" (0 at most)', 'see seal do --help'],
  [['boxes', 'ad'], 'unknown command "ad"', 'did you mean add? All of it: seal boxes --help'],
  [['dodo'], 'unknown command "dodo"', 'did you mean do? All of it: seal --help'],
  [['boxes'], 'command is missing', 'see seal boxes --help'],
  [[], 'command is missing', 'see seal --help'],
  [['boxes', 'add', 'x', '--name'], 'option "--name NAME" argument missing', 'see seal boxes add --help'],
  [
    ['boxes', 'add', 'x', '--send', '--no-send'],
    "--send and --no-send can't be given together",
    'see seal boxes add --help',
  ],
  [
    ['boxes', 'add', '--no-send', '--send', 'x'],
    "--send and --no-send can't be given together",
    'see seal boxes add --help',
  ],
  [['boxes', 'add', 'x', '--reason', 'y'], '--reason REASON can\'t be "y"', 'one of: left, compromised'],
  [['need'], 'option --file FILE is missing', 'see seal need --help'],
])('wrong usage %j', async (words, message, hint) => {
  const need = defineCommand({
    ...{ name: 'need', summary: 'Needs a file.', description: 'So it is.', arguments: {}, examples: EXAMPLES },
    options: { file: option.text('--file FILE', 'the file', { required: true }) },
    run: async ({ options }) => ({ json: {}, text: options.file }),
  })
  const commands = [add, need, does(async () => undefined)]
  const spoken = `seal: error: ${message}\nseal: hint: ${hint}\n`
  expect(await run(commands, words)).toEqual({ code: 2, out: '', bytes: Buffer.alloc(0), err: spoken })
  const { code, out, err } = await run(commands, ['--json', ...words])
  expect([code, err, JSON.parse(out)]).toEqual([2, '', { error: { code: 'usage', message, hint } }])
})

test('--version and --help work on every level and exit 0', async () => {
  for (const words of [['--version'], ['boxes', '--version'], ['boxes', 'add', '--version']]) {
    expect(await run([add], words)).toMatchObject({ code: 0, out: '1.2.3\n', err: '' })
  }
  expect((await run([add], ['--version', '--json'])).out).toBe('{"name":"seal","version":"1.2.3"}\n')
  expect((await run([add], ['--help'])).out).toMatch(/^Seals\.[\s\S]*\n {2}boxes {2}Boxes, and what is in them\.\n/)
  expect((await run([add], ['boxes', '--help'])).out).toMatch(
    /^Boxes, [\s\S]*Commands:\n {2}boxes add {2}Adds boxes\.\n/,
  )
})

test('help of a command has all its parts, within 80 columns', async () => {
  const { code, out, err } = await run([add], ['boxes', 'add', '--help'])
  expect([code, err]).toEqual([0, ''])
  const parts = [
    'Adds boxes.',
    'Usage: seal boxes add [options] FIRST [OTHER...]',
    'A box holds things.',
    'Arguments:\n  FIRST       the first',
    'Options:\n  --name NAME         its name',
    '--note TEXT         a note\n',
    '(or the variable SEAL_LISTEN;',
    '--reason REASON     why (one of: left, compromised)',
    '--domain DOMAIN     where (may be given several times)',
    '--send | --no-send  mail it, or not',
    'Common options:\n  --json',
    'Exit codes:\n  0    done\n  1    failed\n  2    wrong usage\n  104  the box is in use',
    'Examples:\n  one:\n    $ seal boxes add a',
    '    $ seal boxes add c\n',
  ]
  const places = parts.map((part) => out.indexOf(part))
  expect(places.filter((place) => place === -1)).toEqual([])
  expect(places).toEqual(places.toSorted((a, b) => a - b))
  expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80)
})

test('text from outside can move no cursor, neither as text nor as JSON nor as an error', async () => {
  const evil = 'a\u001b[2Jb\u202ec\u009bd\re'
  const shown = 'a\\u001b[2Jb\\u202ec\\u009bd\\u000de'
  const echo = does(async ({ say }) => {
    await say(evil)
    return { json: { evil }, text: evil }
  })
  expect(await run([echo], ['do'])).toMatchObject({ out: `${shown}\n`, err: `seal: ${shown}\n` })
  const { out } = await run([echo], ['do', '--json'])
  expect(JSON.parse(out)).toEqual({ evil })
  expect(out).toMatch(/^[\x20-\x7e]*\n$/)
  const failing = does(async () => {
    throw new MailsealError('bad-data', `${evil}\nseal: hint: run this`)
  })
  expect((await run([failing], ['do'])).err).toBe(`seal: error: ${shown} seal: hint: run this\n`)
})

test('a command whose help says too little is a mistake of its author', () => {
  const good = {
    name: 'do',
    summary: 'Does it.',
    description: 'It is done.',
    arguments: {},
    options: {},
    examples: EXAMPLES,
  }
  const body = async () => undefined
  expect(() => defineCommand({ ...good, summary: 'does it', run: body })).toThrow(TypeError)
  expect(() => defineCommand({ ...good, description: ' ', run: body })).toThrow(TypeError)
  expect(() => defineCommand({ ...good, name: 'Do it!', run: body })).toThrow(TypeError)
})

test('what was refused beside what was done is an error on stderr, the exit code the highest; with --json it is in the object', async () => {
  const half = does(async () => ({
    json: { results: [] },
    text: 'a is done',
    failures: [
      new MailsealError('task-not-allowed', 'b is Active', { hint: 'revoke it' }),
      new MailsealError('not-found', 'c is unknown'),
    ],
  }))
  expect(await run([half], ['do', '--quiet'])).toMatchObject({
    code: 104,
    out: 'a is done\n',
    err: 'seal: error: b is Active\nseal: hint: revoke it\nseal: error: c is unknown\n',
  })
  expect(await run([half], ['do', '--json'])).toMatchObject({ code: 104, out: '{"results":[]}\n', err: '' })
})
