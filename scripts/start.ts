/* A KM server to try out: `npm start`. Initialized on the first run, with a random password that is printed once. */
import { randomBytes } from 'node:crypto'
import { systemRandom } from '@mailseal/common'
import { assertUninitialized, initialize } from '../packages/server/src/initialize.ts'
import { prepareStartupSecret } from '../packages/server/src/start-up/index.ts'

const dataFolder = 'mailseal-data'

async function isNew(): Promise<boolean> {
  try {
    await assertUninitialized(dataFolder)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'already-exists') return false
    throw error
  }
}

if (await isNew()) {
  const password = randomBytes(15).toString('base64url')
  const made = await initialize({
    dataFolder,
    organization: 'Example Organization',
    domains: ['example.org'],
    administrator: { name: 'admin', password },
    startupSecret: async () => (await prepareStartupSecret({ dataFolder, env: {} }, systemRandom)).secret,
  })
  process.stdout.write(`A new organization in ${dataFolder}/: ${made.organization}, ${made.domains.join(', ')}.
Root fingerprint: ${made.rootFingerprint}
Administrator:    admin
Password:         ${password}     (shown this once; keep it)

`)
}

// The program itself from here on; what stands behind `npm start --` is passed on.
process.argv.splice(2, 0, 'start', '--data', dataFolder)
await import('../packages/server/src/main.ts')
