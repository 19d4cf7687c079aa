import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const FIXTURE = fileURLToPath(new URL('./fixture.ts', import.meta.url))
const LAUNCH = new URL('../../bin/launch.js', import.meta.url).href

/** Runs the launcher in a real process that believes its Node to be of some version. */
function launcher(words: readonly string[], options: string): ChildProcess {
  const script = `
    process.argv.splice(1, 0, 'launcher')
    const { launch } = await import(${JSON.stringify(LAUNCH)})
    await launch(${JSON.stringify(new URL('./fixture.ts', import.meta.url).href)}, ${options})`
  return spawn(process.execPath, ['--input-type=module', '-e', script, '--', ...words])
}

async function ended(child: ChildProcess) {
  const [out, err, [code, signal]] = await Promise.all([
    child.stdout ? text(child.stdout) : '',
    child.stderr ? text(child.stderr) : '',
    once(child, 'close'),
  ])
  return { out, err, code, signal }
}

const fixture = (...words: string[]) => spawn(process.execPath, [FIXTURE, ...words])

test('large output reaches a slow pipe whole, and the exit code with it', async () => {
  const child = fixture('large', '5000000')
  child.stdout.pause()
  await once(child.stdout, 'readable')
  const { out, code } = await ended(child)
  expect([out.length, code]).toEqual([5_000_001, 100])
})

test('a reader that goes away is no failure and leaves no trace', async () => {
  const child = fixture('large', '5000000')
  await once(child.stdout, 'readable')
  child.stdout.destroy()
  const [err, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')])
  expect([err, code]).toEqual(['', 100])
})

test('a full disk is said', async () => {
  const child = spawn('/bin/sh', ['-c', 'exec "$@" > /dev/full', 'sh', process.execPath, FIXTURE, 'large', '5'])
  expect(await ended(child)).toMatchObject({ code: 1, err: 'fixture: error: the output could not be written\n' })
})

test('an exception that nobody catches is an internal error without a trace', async () => {
  const { out, err, code } = await ended(fixture('later'))
  expect([out, code]).toEqual(['', 1])
  expect(err).toMatch(/^fixture: error: something went wrong inside\nfixture: hint: set MAILSEAL_DEBUG=1[^\n]*\n$/)
  const inJson = await ended(fixture('later', '--json'))
  expect([JSON.parse(inJson.out).error.code, inJson.err, inJson.code]).toEqual(['internal-error', '', 1])
})

test('without a terminal a prompt does not wait', async () => {
  const child = fixture('ask')
  child.stdin.end('data')
  expect(await ended(child)).toMatchObject({
    ...{ code: 67, out: '', err: expect.stringContaining('error: nobody can be asked for the password\n') },
  })
})

test('with stdin taken by data a prompt uses the terminal, which shows no password', async () => {
  // script gives the program a terminal of its own; the shell takes its stdin away again.
  const command = `printf data | '${process.execPath}' '${FIXTURE}' ask`
  const child = spawn('script', ['-qec', command, '/dev/null'])
  let shown = ''
  child.stdout.on('data', (chunk: Buffer) => {
    if (!shown.includes('Password') && (shown + chunk).includes('Password')) child.stdin.write('SECRET\r')
    shown += chunk
  })
  const [code] = await once(child, 'close')
  expect(code).toBe(0)
  expect(shown).toContain('stdin 4, password 6')
  expect(shown).not.toContain('SECRET')
})

test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
  '%s asks a program to stop, and it ends in its own way',
  async (signal) => {
    const child = fixture('wait')
    await once(child.stdout, 'readable')
    child.kill(signal)
    expect(await ended(child)).toEqual({ out: `waiting\nstopped by ${signal}\n`, err: '', code: 7, signal: null })
  },
)

const TOO_OLD = '24.14.9'

test('the launcher runs the program itself under a Node that is new enough', async () => {
  const { out, code } = await ended(launcher(['large', '3'], '{ version: "24.15.0", resolve() { throw 1 } }'))
  expect([out, code]).toEqual(['xxx\n', 100])
})

test("under an older Node the launcher finds the project's own and hands over arguments, streams and exit code", async () => {
  const child = launcher(['large', '3'], `{ version: "${TOO_OLD}" }`)
  expect(await ended(child)).toEqual({ out: 'xxx\n', err: '', code: 100, signal: null })
})

test('the launcher hands signals down and waits for the end', async () => {
  const child = launcher(['wait'], `{ version: "${TOO_OLD}" }`)
  await once(child.stdout ?? child, 'readable')
  child.kill('SIGTERM')
  expect(await ended(child)).toEqual({ out: 'waiting\nstopped by SIGTERM\n', err: '', code: 7, signal: null })
})

test('the program ends with a launcher that was killed', async () => {
  const child = launcher(['wait'], `{ version: "${TOO_OLD}" }`)
  await once(child.stdout ?? child, 'readable')
  child.kill('SIGKILL')
  // The pipe closes when the last who holds it has ended: the program, not the launcher.
  expect(await ended(child)).toEqual({ out: 'waiting\nstopped by SIGTERM\n', err: '', code: null, signal: 'SIGKILL' })
})

test('without any Node that is new enough the launcher says which one is needed', async () => {
  const child = launcher(['large', '3'], `{ version: "${TOO_OLD}", resolve() { throw new Error() } }`)
  expect(await ended(child)).toEqual({
    ...{ out: '', code: 1, signal: null },
    err:
      'launcher: error: Node 24.14.9 is too old\n' +
      'launcher: hint: install Node 24.15.0 or newer, or run "npm ci" in the project\'s folder\n',
  })
})
