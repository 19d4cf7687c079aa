/* The whole life of a mailbox in one terminal, through the three separate programs: `npm run demo`. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = await mkdtemp(join(tmpdir(), 'mailseal-demo-'))
const environment: NodeJS.ProcessEnv = { ...process.env, D: folder }

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** Prints a command line as a person would type it, runs it, prints what it answers, and checks its exit code. */
async function run(command: string, exitCode = 0): Promise<void> {
  say(`\n$ ${command}`)
  const shell = spawn('sh', ['-c', command], { cwd: root, env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
  const [stdout, stderr] = await Promise.all([text(shell.stdout), text(shell.stderr), once(shell, 'close')])
  process.stdout.write(stdout + stderr)
  if (shell.exitCode !== exitCode) throw new Error(`it exited with ${shell.exitCode} instead of ${exitCode}`)
  if (exitCode !== 0) say(`[exit code ${exitCode}]`)
}

interface RunningServer {
  readonly process: ChildProcess
  readonly url: string
}

async function startServer(): Promise<RunningServer> {
  const command = 'npx mailseal-server start --data $D/server --listen 127.0.0.1:0'
  say(`\n$ ${command} &`)
  // A process group of its own: npx does not hand signals down to what it runs.
  const server = spawn('sh', ['-c', command], {
    cwd: root,
    env: environment,
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const url = new Promise<string>((resolve, reject) => {
    server.stdout.on('data', (chunk: Buffer) => {
      process.stdout.write(chunk)
      const found = /listening on (\S+)/.exec(chunk.toString())?.[1]
      if (found !== undefined) resolve(found)
    })
    server.once('close', () => reject(new Error('the server did not start')))
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void breakOff(server))
  return { process: server, url: await url }
}

/** Ctrl-C reaches no other process group than ours. */
async function breakOff(server: ChildProcess): Promise<void> {
  process.kill(-(server.pid as number), 'SIGTERM')
  await rm(folder, { recursive: true, force: true })
  process.exit(1)
}

/** Ends the server; its end of the pipe closes when it is gone. */
async function stopServer({ process: server }: RunningServer): Promise<void> {
  say('\n$ kill %1')
  const closed = once(server, 'close')
  process.kill(-(server.pid as number), 'SIGTERM')
  await closed
}

/** The command line with which a user enrolls by the message in the outbox; older ones went with their keys. */
function enrolling(user: string): string {
  const message = `"$(grep -l '^To: .*${user}@' $D/server/outbox/*.eml)"`
  return `MAILSEAL_HOME=$D/${user} npx mailseal enroll ${message} --password-file $D/user-password`
}

async function wholeLife(): Promise<void> {
  say('# The organization gets its KM server.')
  await run(
    'npx mailseal-server init --organization "Example Organization" --domain example.org --administrator admin --password-file $D/admin-password --data $D/server',
  )
  const server = await startServer()
  environment.MAILSEAL_SERVER = server.url
  try {
    say('\n# The administrator adds and enables Alice and Bob.')
    await run(
      'npx mailseal-admin mailboxes add alice@example.org --name "Alice Example" --credentials-file $D/credentials',
    )
    await run('npx mailseal-admin mailboxes add bob@example.org --name "Bob Example" --credentials-file $D/credentials')
    await run('npx mailseal-admin enable alice@example.org bob@example.org --send --credentials-file $D/credentials')

    say('\n# Each enrolls with the message that came by mail.')
    for (const user of ['alice', 'bob']) await run(enrolling(user))
    await run('npx mailseal-admin status --credentials-file $D/credentials')

    say('\n# Alice signs a letter; Bob checks it.')
    await run('MAILSEAL_HOME=$D/alice npx mailseal sign $D/letter.eml --password-file $D/user-password > $D/signed.eml')
    await run('MAILSEAL_HOME=$D/bob npx mailseal verify $D/signed.eml')

    say('\n# Bob encrypts his answer; only Alice, and he, can open it.')
    await run(
      'MAILSEAL_HOME=$D/bob npx mailseal encrypt $D/answer.eml --password-file $D/user-password > $D/sealed.eml',
    )
    await run('MAILSEAL_HOME=$D/alice npx mailseal open $D/sealed.eml --password-file $D/user-password')

    say('\n# Alice loses her computer. Her key is recovered, and all her mail with it.')
    await run('rm -r $D/alice')
    await run('npx mailseal-admin recover alice@example.org --send --credentials-file $D/credentials')
    await run('npx mailseal-admin status alice@example.org --credentials-file $D/credentials')
    await run(enrolling('alice'))
    await run('MAILSEAL_HOME=$D/alice npx mailseal open $D/sealed.eml --password-file $D/user-password')
    say('\n# What she signed before stays good.')
    await run('MAILSEAL_HOME=$D/bob npx mailseal verify $D/signed.eml')

    say("\n# Alice's key was stolen: the administrator revokes it, and Bob's agent notices at once.")
    await run('npx mailseal-admin revoke alice@example.org --reason compromised --credentials-file $D/credentials')
    await run('MAILSEAL_HOME=$D/bob npx mailseal verify $D/signed.eml', 100)
    await run('npx mailseal-admin status alice@example.org --credentials-file $D/credentials')
    await run('npx mailseal-admin journal --credentials-file $D/credentials')
  } finally {
    await stopServer(server)
  }
  say('\n# Without the KM server, Bob is still warned, from his own copy of the revocation list.')
  await run('MAILSEAL_HOME=$D/bob npx mailseal verify $D/signed.eml', 100)
}

try {
  const password = randomBytes(18).toString('base64url')
  const files = {
    'admin-password': `${password}\n`,
    credentials: `admin:${password}\n`,
    'user-password': `${randomBytes(18).toString('base64url')}\n`,
    'letter.eml': 'From: Alice Example <alice@example.org>\nTo: bob@example.org\nSubject: Offer\n\nTen thousand.\n',
    'answer.eml': 'From: Bob Example <bob@example.org>\nTo: alice@example.org\nSubject: Re: Offer\n\nAgreed.\n',
  }
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content, { mode: 0o600 })
  say(`# Everything lies in D=${folder}`)
  await wholeLife()
  say('\n# Done.')
} catch (error) {
  process.stderr.write(`demo: error: ${error instanceof Error ? error.message : error}\n`)
  process.exitCode = 1
} finally {
  await rm(folder, { recursive: true, force: true })
}
