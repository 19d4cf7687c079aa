import { readIfPresent } from '../../src/files.ts'
import { openKeyFile, writeKeyFile } from '../../src/key-file/key-file.ts'
import { openState } from '../../src/state/state.ts'

// Rewrites a key file until it is killed, and says after each time that it did.
const [, , file = '', state = '', password = ''] = process.argv
const { content, lock } = await openKeyFile(
  (await readIfPresent(file, 1e6)) ?? new Uint8Array(),
  password,
  'the key file',
)
const { exclusively } = await openState(state)
for (let i = 0; ; i++) {
  await exclusively(() =>
    writeKeyFile(file, lock, { ...content, directoryToken: `${i}-${'x'.repeat(100)}`, keys: content.keys }),
  )
  process.stdout.write('.')
}
