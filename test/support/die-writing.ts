import { writeSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

// Loaded before a program: the process is gone in the middle of the so-many-th file that it writes whole.
let left = Number(process.env.MAILSEAL_TEST_DIE_WRITING)
const handle = await open(fileURLToPath(import.meta.url))
const prototype = Object.getPrototypeOf(handle)
await handle.close()
const { writeFile } = prototype
prototype.writeFile = async function (bytes: Uint8Array) {
  left -= 1
  if (left > 0) return writeFile.call(this, bytes)
  writeSync(this.fd, bytes.subarray(0, bytes.length / 2))
  process.kill(process.pid, 'SIGKILL')
  return new Promise(() => {})
}
