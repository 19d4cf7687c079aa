import { openState } from '../../src/state/state.ts'

// Holds the write lock until it is told to let go, then says that it does.
const state = await openState(process.argv[2] ?? '')
await state.exclusively(async () => {
  process.stdout.write('held\n')
  await new Promise((resolve) => process.stdin.once('data', resolve))
})
state.close()
process.stdin.destroy()
