import { run } from '../run.ts'
import type { Desk, Dialect } from './program.ts'

const gpg = ({ folder, password }: Desk, args: readonly string[]) => {
  const always = ['--homedir', folder, '--batch', '--no-tty', '--pinentry-mode', 'loopback', '--passphrase', password]
  return run('gpg', [...always, '--trust-model', 'always', '--armor', ...args], { env: { LC_ALL: 'C.UTF-8' } })
}

/** It exits with 0 for a signature by a revoked key too. */
const GOOD = '[GNUPG:] GOODSIG'

/** GnuPG. */
export const GPG: Dialect = {
  signatureModes: ['binary', 'text'],
  learn: (desk) => gpg(desk, ['--import', desk.certificate]),
  own: (desk) => gpg(desk, ['--import', desk.keys]),
  encrypt: (desk, content, isSigned) => {
    const signing = isSigned ? ['--local-user', desk.owner, '--sign'] : []
    return gpg(desk, ['--recipient', desk.correspondent, ...signing, '--output', '-', '--encrypt', content])
  },
  async decrypt(desk, message) {
    const outcome = await gpg(desk, ['--status-fd', '2', '--output', '-', '--decrypt', message])
    return { outcome, isSigned: outcome.stderr.includes(GOOD) }
  },
  sign: (desk, data, mode) => {
    const text = mode === 'text' ? ['--textmode'] : []
    return gpg(desk, ['--local-user', desk.owner, ...text, '--output', '-', '--detach-sign', data])
  },
  async verify(desk, data, signature) {
    const outcome = await gpg(desk, ['--status-fd', '1', '--verify', signature, data])
    return outcome.exitCode === 0 && outcome.stdout.includes(GOOD)
  },
  end: ({ folder }) => run('gpgconf', ['--homedir', folder, '--kill', 'all']),
}
