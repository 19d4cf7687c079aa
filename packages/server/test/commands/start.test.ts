import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { initialize } from '../../src/index.ts'
import { JSON_TYPE, raw } from '../http/raw.ts'
import { ADMINISTRATOR, newId, PASSWORD, STARTUP_SECRET } from '../organization.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

async function initialized(): Promise<string> {
  const dataFolder = await mkdtemp(join(tmpdir(), 'mailseal-start-'))
  onTestFinished(() => rm(dataFolder, { recursive: true }))
  await initialize({
    dataFolder,
    organization: 'Example Ltd',
    domains: ['example.org'],
    administrator: { name: 'admin', password: PASSWORD },
    startupSecret: async () => STARTUP_SECRET,
    argon2: { memoryKiB: 64, passes: 1, lanes: 1 },
  })
  await writeFile(join(dataFolder, 'startup-secret'), `${STARTUP_SECRET}\n`, { mode: 0o600 })
  return dataFolder
}

function run(words: readonly string[]) {
  const child = spawn(process.execPath, [MAIN, ...words], { stdio: ['ignore', 'pipe', 'pipe'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    stderr: text(child.stderr),
    line: async () => (await lines.next()).value as string | undefined,
    stop: (signal: NodeJS.Signals) => child.kill(signal),
    ended: once(child, 'exit'),
  }
}

describe('mailseal-server start', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('answers, finishes what is under way, and stops on %s', async (signal) => {
    const data = await initialized()
    const server = run(['start', '--data', data, '--listen', '127.0.0.1:0'])
    const [, url = ''] = /^listening on (http:\/\/127\.0\.0\.1:\d+)$/.exec((await server.line()) ?? '') ?? []
    expect(url).not.toBe('')
    const body = JSON.stringify({ requestId: newId(), credentials: [ADMINISTRATOR], parameters: {} })
    const underWay = raw(`${url}/v1/tasks/mailboxes.list`, { method: 'POST', headers: JSON_TYPE, body })
    expect(await raw(url)).toMatchObject({ status: 200 })
    server.stop(signal)
    expect(await underWay).toMatchObject({ status: 200 })
    expect(await server.ended).toEqual([0, null])
    expect(await server.stderr).toBe(`mailseal-server: stopping after ${signal}\n`)
    await expect(raw(url)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  it('runs once over a data folder, until it ends however it ends', async () => {
    const data = await initialized()
    const first = run(['start', '--data', data, '--listen', '127.0.0.1:0'])
    expect(await first.line()).toContain('listening on')
    const second = run(['start', '--data', data, '--listen', '127.0.0.1:0'])
    expect(await second.ended).toEqual([1, null])
    expect(await second.stderr).toContain('mailseal-server: error: another KM server runs over this data folder\n')
    first.stop('SIGKILL')
    await first.ended
    const third = run(['start', '--data', data, '--listen', '127.0.0.1:0'])
    expect(await third.line()).toContain('listening on')
    third.stop('SIGTERM')
    expect(await third.ended).toEqual([0, null])
  })

  it('says that a port is in use', async () => {
    const first = run(['start', '--data', await initialized(), '--listen', '127.0.0.1:0'])
    const { port } = new URL(((await first.line()) ?? '').replace('listening on ', ''))
    const second = run(['start', '--data', await initialized(), '--listen', `127.0.0.1:${port}`])
    expect(await second.ended).toEqual([1, null])
    expect(await second.stderr).toContain(`mailseal-server: error: 127.0.0.1, port ${port}, is in use already\n`)
    first.stop('SIGTERM')
    await first.ended
  })

  it('stops when the window of its terminal is closed', async () => {
    const words = [process.execPath, MAIN, 'start', '--data', await initialized(), '--listen', '127.0.0.1:0']
    const terminal = spawn('script', ['--quiet', '--command', words.join(' '), '/dev/null'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const [line] = await once(createInterface({ input: terminal.stdout }), 'line')
    const url = String(line).trim().replace('listening on ', '')
    expect(await raw(url)).toMatchObject({ status: 200 })
    terminal.kill('SIGKILL')
    await expect.poll(() => raw(url).catch((error) => error.code), { timeout: 20_000 }).toBe('ECONNREFUSED')
  })

  it('asks for no secret where nothing was initialized', async () => {
    const data = await mkdtemp(join(tmpdir(), 'mailseal-start-'))
    onTestFinished(() => rm(data, { recursive: true }))
    const server = run(['start', '--data', data, '--listen', '127.0.0.1:0'])
    expect(await server.ended).toEqual([1, null])
    expect(await server.stderr).toMatch(
      /^mailseal-server: error: there is no database .*\n.*initialize the KM server first/,
    )
  })

  it('says what is wrong before it listens', async () => {
    const data = await initialized()
    const secret = join(data, 'other')
    await writeFile(secret, 'not the start-up secret', { mode: 0o600 })
    const wrong = run(['start', '--data', data, '--listen', '127.0.0.1:0', '--startup-secret-file', secret])
    expect(await wrong.ended).toEqual([105, null])
    expect(await wrong.stderr).toContain('mailseal-server: error: the start-up secret is wrong\n')
    const halfTls = run(['start', '--data', data, '--listen', '127.0.0.1:0', '--tls-cert', 'cert.pem'])
    expect(await halfTls.ended).toEqual([2, null])
    expect(await halfTls.stderr).toContain('mailseal-server: error: TLS needs a certificate and a key\n')
    const nowhere = run(['start', '--data', join(data, 'nowhere'), '--startup-secret-file', secret])
    expect(await nowhere.ended).toEqual([1, null])
    expect(await nowhere.stderr).toContain('mailseal-server: hint: initialize the KM server first')
  })
})
