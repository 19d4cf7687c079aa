import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { VERSION } from '@mailseal/common'
import { afterEach, expect, it } from 'vitest'
import { run } from './support/run.ts'

const script = (name: string) => fileURLToPath(new URL(`../scripts/${name}`, import.meta.url))
const folders: string[] = []

afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true })
})

/** Starts what `npm start` starts, in a folder, until it listens. */
async function start(folder: string): Promise<{ child: ChildProcess; said: string; url: string }> {
  const child = spawn(process.execPath, [script('start.ts'), '--listen', '127.0.0.1:0'], { cwd: folder })
  let said = ''
  const url = await new Promise<string>((resolve, reject) => {
    const listen = (chunk: Buffer) => {
      said += chunk
      const found = /listening on (\S+)\n/.exec(said)?.[1]
      if (found !== undefined) resolve(found)
    }
    child.stdout.on('data', listen)
    child.stderr.on('data', listen)
    child.once('close', () => reject(new Error(said)))
  })
  return { child, said, url }
}

async function stop(child: ChildProcess): Promise<void> {
  const closed = once(child, 'close')
  child.kill('SIGTERM')
  await closed
  expect(child.exitCode).toBe(0)
}

it('npm start makes an organization on its first run, with a password that is printed once', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mailseal-start-'))
  folders.push(folder)
  const first = await start(folder)
  expect(first.said).toMatch(/Administrator: +admin\nPassword: +\S{20} /)
  const about = await fetch(first.url)
  expect([about.status, await about.json()]).toEqual([200, { name: 'mailseal-server', version: VERSION }])
  await stop(first.child)
  const second = await start(folder)
  expect(second.said).toBe(`listening on ${second.url}\n`)
  await stop(second.child)
})

it('npm run demo shows the whole life of a mailbox', async () => {
  const demo = await run(process.execPath, [script('demo.ts')])
  expect(demo.exitCode, demo.stderr).toBe(0)
  expect(demo.stdout).toContain('Verified: signed by alice@example.org.')
  expect(demo.stdout.match(/This message was secured with a revoked security certificate\./g)).toHaveLength(2)
  expect(demo.stdout).toMatch(/# Done\.\n$/)
})

it('what the tests drive is installed by the CI and named in the README', async () => {
  const [required, ci, readme] = await Promise.all([
    readFile(script('required-tools.ts'), 'utf8'),
    readFile(fileURLToPath(new URL('../.ci/run', import.meta.url)), 'utf8'),
    readFile(fileURLToPath(new URL('../README.md', import.meta.url)), 'utf8'),
  ])
  const needs = [...required.matchAll(/^ {2}\['(\S+)', '(\S+)'\],$/gm)].map(([, program, debian]) => ({
    program,
    debian,
  }))
  expect(needs.length).toBeGreaterThan(4)
  expect([...ci.matchAll(/^need (\S+) (\S+)$/gm)].map(([, program, debian]) => ({ program, debian }))).toEqual(needs)
  expect(readme).toContain(`apt-get install --no-install-recommends ${needs.map(({ debian }) => debian).join(' ')}`)
})
