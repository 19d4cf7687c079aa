/** Fails, naming the command that installs it, where a program that the tests drive is missing. */
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Programs by the Debian package that holds them. The tests drive the real ones and never skip. */
const REQUIRED = new Map([
  ['gpg', 'gnupg'],
  ['sq', 'sq'],
  ['sqop', 'sqop'],
  ['rnp', 'rnp'],
  ['pgpainless-cli', 'pgpainless-cli'],
  ['script', 'bsdutils'],
])

function isInstalled(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

const missing = [...REQUIRED].filter(([program]) => !isInstalled(program))
if (missing.length > 0) {
  process.stderr.write(`tests: error: missing: ${missing.map(([program]) => program).join(', ')}\n`)
  process.stderr.write(
    `tests: hint: apt-get install --no-install-recommends ${missing.map(([, debian]) => debian).join(' ')}\n`,
  )
  process.exitCode = 1
}
