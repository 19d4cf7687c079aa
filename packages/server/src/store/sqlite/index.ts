import { join } from 'node:path'

export { holdDatabase } from './hold.ts'
export { assertDatabaseFile, openSqliteStore } from './sqlite-store.ts'

/** Where the database of a data folder lies. */
export function databasePath(dataFolder: string): string {
  return join(dataFolder, 'mailseal.sqlite')
}
