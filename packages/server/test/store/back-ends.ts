import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { openSqliteStore } from '../../src/store/sqlite/index.ts'
import type { Store } from '../../src/store/store.ts'

/** A folder of this test alone, gone after it. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'mailseal-test-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** A place for one database, which can be opened several times. */
export interface Place {
  open(): Promise<Store>
}

/** Every back end of the store: the one suite runs over each. */
export const BACK_ENDS: { readonly name: string; place(): Promise<Place> }[] = [
  {
    name: 'sqlite',
    async place() {
      const path = join(await temporaryFolder(), 'test.sqlite')
      return {
        async open() {
          const store = await openSqliteStore(path, { create: true })
          onTestFinished(() => store.close())
          return store
        },
      }
    },
  },
]
