import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemRandom } from '@mailseal/common'
import { initialize } from '../../packages/server/src/initialize.ts'
import { prepareStartupSecret } from '../../packages/server/src/start-up/index.ts'
import { CHEAP_ARGON2 } from '../../packages/server/test/cheap-argon2.ts'
import { type Outcome, programFile, type RunOptions, runProgram } from './run.ts'

export const ADMINISTRATOR = 'admin'
export const ADMINISTRATOR_PASSWORD = 'a password for tests alone'
export const USER_PASSWORD = 'correct horse battery staple'

/** An organization with its KM server, in a folder of its own, driven through the three real programs. */
export interface Organization {
  /** Everything it made lies below this folder. */
  readonly folder: string
  readonly dataFolder: string
  /** Where the KM server answers now. */
  readonly url: string
  /** All that the server said on stdout and stderr so far. */
  serverOutput(): string
  start(): Promise<void>
  /** Stops the server cleanly; its data stay. */
  stop(): Promise<void>
  /** Gives the administrator's program one task, with the right password. */
  admin(...args: string[]): Promise<Outcome>
  /** The same, with the answer read from `--json` and exit code 0 expected. */
  adminJson<T>(...args: string[]): Promise<T>
  user(name: string): User
  /** Newest enrollment message in the outbox to an address. */
  messageTo(address: string): Promise<string>
  /** Stops everything and removes the folder. */
  end(): Promise<void>
}

/** A user's computer. */
export interface User {
  readonly home: string
  readonly passwordFile: string
  /** Runs the agent. */
  mailseal(args: readonly string[], options?: RunOptions): Promise<Outcome>
  /** The same, with the answer read from `--json`. */
  json<T>(args: readonly string[], options?: RunOptions & { exitCode?: number }): Promise<T>
  /** Enrolls with the newest message in the outbox. */
  enroll(address: string): Promise<Enrolled>
  /** Writes a letter to a file and signs it into another, whose name comes back. */
  sign(from: string, body: string): Promise<string>
}

export interface Enrolled {
  readonly address: string
  readonly serial: string
  readonly fingerprint: string
  readonly validFrom: string
  readonly validTo: string
  readonly keyFile: string
  readonly server: string
  readonly recoveredKeys: number
}

/** Throws what a program said if it did not exit as expected. */
function expectExit(outcome: Outcome, exitCode: number, what: string): Outcome {
  if (outcome.exitCode === exitCode) return outcome
  throw new Error(`${what} exited with ${outcome.exitCode} instead of ${exitCode}\n${outcome.stdout}${outcome.stderr}`)
}

/** Makes an organization for `example.org` with one administrator and starts its KM server on a free port. */
export async function makeOrganization(): Promise<Organization> {
  const folder = await mkdtemp(join(tmpdir(), 'mailseal-test-'))
  const dataFolder = join(folder, 'server')
  const credentialsFile = join(folder, 'credentials')
  const userPassword = join(folder, 'user-password')
  await writeFile(credentialsFile, `${ADMINISTRATOR}:${ADMINISTRATOR_PASSWORD}\n`, { mode: 0o600 })
  await writeFile(userPassword, `${USER_PASSWORD}\n`, { mode: 0o600 })
  // Not through `mailseal-server init`, whose Argon2 costs every later password check half a second of both cores.
  await initialize({
    dataFolder,
    organization: 'Example Organization',
    domains: ['example.org'],
    administrator: { name: ADMINISTRATOR, password: ADMINISTRATOR_PASSWORD },
    startupSecret: async () => (await prepareStartupSecret({ dataFolder, env: {} }, systemRandom)).secret,
    argon2: CHEAP_ARGON2,
  })

  let server: ChildProcess | undefined
  let url = ''
  let output = ''

  const start = async () => {
    const port = url === '' ? '0' : new URL(url).port
    const child = spawn(process.execPath, [
      programFile('mailseal-server'),
      'start',
      '--data',
      dataFolder,
      '--listen',
      `127.0.0.1:${port}`,
    ])
    server = child
    const listening = new Promise<string>((resolve, reject) => {
      const listen = (chunk: Buffer) => {
        output += chunk
        const found = /listening on (\S+)/.exec(output.slice(output.lastIndexOf('listening on')))
        if (found?.[1] !== undefined && output.endsWith('\n')) resolve(found[1])
      }
      child.stdout.on('data', listen)
      child.stderr.on('data', listen)
      child.once('exit', () => reject(new Error(`the server did not start\n${output}`)))
    })
    url = await listening
  }

  const stop = async () => {
    if (server === undefined) return
    const ended = once(server, 'exit')
    server.kill('SIGTERM')
    await ended
    server = undefined
  }

  const admin = (...args: string[]) => {
    const credentials = args.includes('--credentials-file') ? [] : ['--credentials-file', credentialsFile]
    return runProgram('mailseal-admin', [...args, '--server', url, ...credentials])
  }

  const messageTo = async (address: string) => {
    const outbox = join(dataFolder, 'outbox')
    const names = (await readdir(outbox)).filter((name) => name.endsWith('.eml'))
    for (const name of names.sort().reverse()) {
      const message = await readFile(join(outbox, name), 'latin1')
      if (new RegExp(`^To: .*${address}`, 'm').test(message)) return join(outbox, name)
    }
    throw new Error(`the outbox has no message to ${address}`)
  }

  const user = (name: string): User => {
    const home = join(folder, name)
    const mailseal = (args: readonly string[], options: RunOptions = {}) =>
      runProgram('mailseal', args, { ...options, env: { MAILSEAL_HOME: home, ...options.env } })
    const json = async <T>(args: readonly string[], options: RunOptions & { exitCode?: number } = {}) => {
      const outcome = await mailseal([...args, '--json'], options)
      return JSON.parse(expectExit(outcome, options.exitCode ?? 0, args.join(' ')).stdout) as T
    }
    return {
      home,
      passwordFile: userPassword,
      mailseal,
      json,
      enroll: async (address) => json<Enrolled>(['enroll', await messageTo(address), '--password-file', userPassword]),
      sign: async (from, body) => {
        const message = `From: ${from}\r\nTo: bob@example.org\r\nSubject: test\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\n\r\n${body}`
        const outcome = await mailseal(['sign', '-', '--password-file', userPassword], { input: message })
        const file = join(folder, `${name}-${process.hrtime.bigint()}.eml`)
        await writeFile(file, expectExit(outcome, 0, 'sign').bytes)
        return file
      },
    }
  }

  await start()
  return {
    folder,
    dataFolder,
    get url() {
      return url
    },
    serverOutput: () => output,
    start,
    stop,
    admin,
    adminJson: async <T>(...args: string[]) =>
      JSON.parse(expectExit(await admin(...args, '--json'), 0, args.join(' ')).stdout) as T,
    user,
    messageTo,
    end: async () => {
      await stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
