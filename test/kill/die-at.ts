/*
 * Loaded before a program: kill -9 at the so-many-th moment at which something lasting changes. The moments are each
 * before and in the middle of a file's writing, each before a sync, a renaming and a removal, and each before and after
 * the end of a transaction. Counting begins at once, or with SIGUSR2 where the program is to start undisturbed.
 */
import { writeSync } from 'node:fs'
import files from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'

let left = Number(process.env.MAILSEAL_TEST_DIE_AT)
let counts = process.env.MAILSEAL_TEST_DIE_ON_SIGNAL === undefined
process.on('SIGUSR2', () => {
  counts = true
  process.stderr.write('counting\n')
})

function moment(lastWords: () => void = () => {}): void {
  if (!counts) return
  left -= 1
  if (left > 0) return
  lastWords()
  writeSync(2, 'killed\n')
  process.kill(process.pid, 'SIGKILL')
  // Not one instruction more until the signal arrives.
  for (;;);
}

type Method = (this: unknown, ...values: unknown[]) => unknown

function before(object: object, name: string): void {
  const methods = object as Record<string, Method>
  const original = methods[name] as Method
  methods[name] = function (...values) {
    moment()
    return original.apply(this, values)
  }
}

for (const name of ['rename', 'unlink', 'rm', 'copyFile']) before(files, name)
syncBuiltinESMExports()

const handle = await files.open(fileURLToPath(import.meta.url))
const prototype = Object.getPrototypeOf(handle)
await handle.close()
before(prototype, 'sync')
const { writeFile } = prototype
prototype.writeFile = function (this: { readonly fd: number }, bytes: Uint8Array) {
  moment()
  moment(() => writeSync(this.fd, bytes.subarray(0, bytes.length / 2)))
  return writeFile.call(this, bytes)
}

const { exec } = DatabaseSync.prototype
DatabaseSync.prototype.exec = function (sql) {
  const ends = /commit\s*$/i.test(sql)
  if (ends) moment()
  exec.call(this, sql)
  if (ends) moment()
}
