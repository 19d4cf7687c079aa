import { readFile } from 'node:fs/promises'
import { run } from '../run.ts'
import type { Dialect } from './program.ts'

/** Exit code of the Stateless OpenPGP command line. */
const NO_SIGNATURE = 3

/** A program that speaks the Stateless OpenPGP command line. */
function stateless(program: string, env: Readonly<Record<string, string>> = {}): Dialect {
  const call = async (args: readonly string[], input: string) =>
    run(program, args, { input: await readFile(input), env })
  return {
    signatureModes: ['binary', 'text'],
    encrypt: ({ certificate, keys, passwordFile }, content, isSigned) => {
      const signing = isSigned ? [`--sign-with=${keys}`, `--with-key-password=${passwordFile}`] : []
      return call(['encrypt', ...signing, certificate], content)
    },
    async decrypt(desk, message) {
      const { certificate, keys, passwordFile } = desk
      const opening = ['decrypt', `--with-key-password=${passwordFile}`]
      if (certificate === '') return { outcome: await call([...opening, keys], message), isSigned: false }
      const verifications = await desk.file()
      const verifying = [`--verify-with=${certificate}`, `--verifications-out=${verifications}`]
      const outcome = await call([...opening, ...verifying, keys], message)
      // Sequoia's gives nothing out without the signature that was asked for.
      if (outcome.exitCode === NO_SIGNATURE)
        return { outcome: await call([...opening, keys], message), isSigned: false }
      const isSigned = outcome.exitCode === 0 && (await readFile(verifications, 'utf8')).trim() !== ''
      return { outcome, isSigned }
    },
    sign: ({ keys, passwordFile }, data, mode) =>
      call(['sign', `--as=${mode}`, `--with-key-password=${passwordFile}`, keys], data),
    verify: async ({ certificate }, data, signature) =>
      (await call(['verify', signature, certificate], data)).exitCode === 0,
  }
}

/** Sequoia's. */
export const SQOP = stateless('sqop')

/** Starts a Java machine each time: half of that time goes into optimizing what then ends. */
export const PGPAINLESS = stateless('pgpainless-cli', { JAVA_TOOL_OPTIONS: '-XX:TieredStopAtLevel=1 -XX:+UseSerialGC' })
