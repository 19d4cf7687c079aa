import { VERSION } from '../version.ts'
import { nodeIo } from './io.ts'
import type { Program } from './program.ts'
import { reportFailure, runProgram } from './run-program.ts'

/**
 * The whole of a program's `main.ts`: runs it in this process, whose exit code it sets. The process then ends by
 * itself, so that nothing half-written is cut off.
 */
export async function main(definition: Omit<Program, 'version' | 'argv' | 'io'>): Promise<void> {
  const program = { ...definition, version: VERSION, argv: process.argv.slice(2), io: nodeIo() }
  process.on('uncaughtException', (thrown) => {
    // After an exception that nobody caught, nothing can be trusted to end by itself.
    reportFailure(program, thrown).then((code) => process.exit(code))
  })
  endWithLauncher()
  process.exitCode = await runProgram(program)
}

/** Where a launcher on another Node runs this process: if that is killed, this one stops as on SIGTERM. */
function endWithLauncher(): void {
  if (!process.connected) return
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))
  process.channel?.unref()
}
