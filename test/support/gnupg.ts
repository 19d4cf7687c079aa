import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Outcome, run } from './run.ts'

/** A GnuPG with a home of its own. */
export interface Gnupg {
  (args: readonly string[], input?: string | Uint8Array): Promise<Outcome>
  /** Makes a key that can sign. */
  makeKey(userId: string): Promise<void>
  end(): Promise<void>
}

/** @param passphrase - Of every secret key that it makes or is given. */
export async function makeGnupg({ passphrase = '' } = {}): Promise<Gnupg> {
  // The agent's socket must have a short path.
  const home = await mkdtemp(join(tmpdir(), 'gpg-'))
  const always = ['--homedir', home, '--batch', '--no-tty', '--pinentry-mode', 'loopback', '--passphrase', passphrase]
  const gpg = (args: readonly string[], input?: string | Uint8Array) =>
    run('gpg', [...always, ...args], { env: { LC_ALL: 'C.UTF-8' }, ...(input === undefined ? {} : { input }) })
  return Object.assign(gpg, {
    makeKey: async (userId: string) => {
      const outcome = await gpg(['--quick-generate-key', userId, 'ed25519', 'sign', 'never'])
      if (outcome.exitCode !== 0) throw new Error(outcome.stderr)
    },
    end: async () => {
      await run('gpgconf', ['--homedir', home, '--kill', 'all'])
      await rm(home, { recursive: true, force: true })
    },
  })
}
