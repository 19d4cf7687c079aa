/* A process of its own that writes to a database: `node sqlite-child.ts PATH ACTION`. */
import { openSqliteStore } from '../../src/store/sqlite/index.ts'

const [, , path = '', action] = process.argv
const store = await openSqliteStore(path)

/** Two rows that belong together. */
const count = () =>
  store.transaction(async (tx) => {
    const next = Number((await tx.setting('left')) ?? 0) + 1
    await tx.putSetting('left', String(next))
    await new Promise(setImmediate)
    await tx.putSetting('right', String(next))
    return next
  })

if (action === 'count to 200') {
  for (let round = 0; round < 200; round++) await count()
} else if (action === 'count for ever') {
  for (;;) process.stdout.write(`${await count()}\n`)
} else if (action === 'stop in the middle') {
  await store.transaction(async (tx) => {
    await tx.putSetting('left', 'lost')
    process.stdout.write('in the middle\n')
    await new Promise((resolve) => process.stdin.once('data', resolve))
  })
}
await store.close()
