import { onTestFinished } from 'vitest'
import { type InitializeOptions, initialize } from '../src/initialize.ts'
import { databasePath, openSqliteStore } from '../src/store/sqlite/index.ts'
import { CHEAP_ARGON2 } from './cheap-argon2.ts'
import { temporaryFolder } from './store/back-ends.ts'

export const NOW = 1_767_225_600
export const PASSWORD = 'violet kettle sings at dawn'
export const STARTUP_SECRET = 'a start-up secret for tests'

/** What a small organization is initialized with. */
export async function initializeOptions(change: Partial<InitializeOptions> = {}): Promise<InitializeOptions> {
  return {
    dataFolder: await temporaryFolder(),
    organization: 'Example Ltd',
    domains: ['example.org', 'Example.COM'],
    administrator: { name: 'anna', address: 'anna@example.org', password: PASSWORD },
    startupSecret: async () => STARTUP_SECRET,
    clock: { now: () => NOW },
    argon2: CHEAP_ARGON2,
    ...change,
  }
}

/** A KM server's data folder, freshly initialized, with its store open. */
export async function initialized(change: Partial<InitializeOptions> = {}) {
  const options = await initializeOptions(change)
  const organization = await initialize(options)
  const store = await openSqliteStore(databasePath(options.dataFolder))
  onTestFinished(() => store.close())
  return { ...organization, dataFolder: options.dataFolder, store }
}
