import { run } from '../run.ts'
import type { Desk, Dialect } from './program.ts'

const rnp = ({ folder, password }: Desk, args: readonly string[]) =>
  run('rnp', ['--homedir', folder, '--password', password, '--notty', ...args])
const imported = ({ folder }: Desk, file: string) => run('rnpkeys', ['--homedir', folder, '--notty', '--import', file])

/** RNP, which Thunderbird has inside. It makes text signatures only around a text, none apart from it. */
export const RNP: Dialect = {
  signatureModes: ['binary'],
  learn: (desk) => imported(desk, desk.certificate),
  own: (desk) => imported(desk, desk.keys),
  encrypt: (desk, content, isSigned) => {
    const signing = isSigned ? ['--sign', '--userid', desk.owner] : []
    const to = ['--encrypt', '--recipient', desk.correspondent]
    return rnp(desk, ['--armor', ...to, ...signing, '--output', '-', content])
  },
  async decrypt(desk, message) {
    const outcome = await rnp(desk, ['--decrypt', message, '--output', '-'])
    return { outcome, isSigned: outcome.stderr.includes('Good signature made') }
  },
  sign: (desk, data) => rnp(desk, ['--sign', '--detach', '--armor', '--userid', desk.owner, '--output', '-', data]),
  verify: async (desk, data, signature) => (await rnp(desk, ['--verify', signature, '--source', data])).exitCode === 0,
}
