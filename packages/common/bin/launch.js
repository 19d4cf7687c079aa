import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { constants } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

// Plain JavaScript that Node 16 understands: it is what says that Node 16 is too old.

/** The oldest Node the programs run on: types are stripped and node:sqlite is quiet, and the prompts ask for it. */
export const OLDEST_NODE = '24.15.0'

/**
 * Whether a Node is new enough.
 *
 * @param {string} version - Such as `24.21.0`.
 * @returns {boolean}
 */
export function isNewEnough(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_NODE.split('.').map(Number)
  return major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)
}

/**
 * The Node that is installed beside the programs as the package `node`, or null.
 *
 * @param {(name: string) => string} resolve - Finds a module's file, as `require.resolve` does.
 * @returns {string | null}
 */
export function findNode(resolve) {
  let manifest
  try {
    manifest = resolve('node/package.json')
  } catch {
    return null
  }
  const node = join(dirname(manifest), 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
  return existsSync(node) ? node : null
}

/**
 * Runs a program: in this process if its Node is new enough, else in one with the project's own Node.
 *
 * @param {string | URL} main - URL of the program's main module.
 * @param {{ version?: string, resolve?: (name: string) => string }} [options] - For tests: this Node's version, and
 *   how modules are found.
 * @returns {Promise<void>}
 */
export async function launch(main, options = {}) {
  const { version = process.versions.node, resolve = createRequire(main).resolve } = options
  if (isNewEnough(version)) {
    await import(String(main))
    return
  }
  const node = findNode(resolve)
  if (node === null) {
    complain(`error: Node ${version} is too old`)
    complain(`hint: install Node ${OLDEST_NODE} or newer, or run "npm ci" in the project's folder`)
    process.exitCode = 1
    return
  }
  // The channel carries nothing: that it closes tells the child of a launcher that was killed.
  const stdio = /** @type {const} */ (['inherit', 'inherit', 'inherit', 'ipc'])
  relay(spawn(node, [fileURLToPath(main), ...process.argv.slice(2)], { stdio: [...stdio] }))
}

function complain(/** @type {string} */ what) {
  process.stderr.write(`${basename(process.argv[1] || 'mailseal', '.js')}: ${what}\n`)
}

/** Stands in for a child: hands signals down, and ends as it ends. */
function relay(/** @type {import('node:child_process').ChildProcess} */ child) {
  const signals = /** @type {const} */ (['SIGTERM', 'SIGINT', 'SIGHUP'])
  const forward = (/** @type {NodeJS.Signals} */ signal) => child.kill(signal)
  for (const signal of signals) process.on(signal, forward)
  child.on('error', (error) => {
    complain(`error: the project's Node can't be started (${error.message})`)
    process.exitCode = 1
  })
  child.on('exit', (code, signal) => {
    for (const name of signals) process.off(name, forward)
    if (signal === null) {
      process.exitCode = code === null ? 1 : code
      return
    }
    process.exitCode = 128 + constants.signals[signal]
    process.kill(process.pid, signal)
  })
}
