import { readFile } from 'node:fs/promises'
import { type Outcome, run } from '../run.ts'
import type { Desk, Dialect } from './program.ts'

/** It asks for passwords on a terminal alone, and then has nothing but that; so its results go to a file. */
async function onTerminal(desk: Desk, args: readonly string[]): Promise<Outcome> {
  const output = await desk.file()
  const command = ['sq', ...args, '--output', output].map((word) => `'${word}'`).join(' ')
  const terminal = ['--quiet', '--return', '--command', command, '/dev/null']
  const outcome = await run('script', terminal, { input: `${desk.password}\n` })
  if (outcome.exitCode !== 0) return outcome
  const bytes = await readFile(output)
  return { exitCode: 0, bytes, stdout: bytes.toString(), stderr: outcome.stdout }
}

/** Sequoia's own program. */
export const SQ: Dialect = {
  signatureModes: ['binary'],
  encrypt: (desk, content, isSigned) => {
    const args = ['encrypt', '--recipient-cert', desk.certificate]
    return isSigned ? onTerminal(desk, [...args, '--signer-key', desk.keys, content]) : run('sq', [...args, content])
  },
  async decrypt(desk, message) {
    const signer = desk.certificate === '' ? [] : ['--signatures', '0', '--signer-cert', desk.certificate]
    const outcome = await onTerminal(desk, ['decrypt', '--recipient-key', desk.keys, ...signer, message])
    return { outcome, isSigned: outcome.stderr.includes('1 good signature') }
  },
  sign: (desk, data) => onTerminal(desk, ['sign', '--detached', '--signer-key', desk.keys, data]),
  verify: async ({ certificate }, data, signature) =>
    (await run('sq', ['verify', '--signer-cert', certificate, '--detached', signature, data])).exitCode === 0,
}
