/* A KM server over a data folder, with a clock that stands still, in a process of its own that may be killed. */
import { startServer } from '../../packages/server/src/server.ts'

const [dataFolder = '', startupSecret = '', listen = '', now = ''] = process.argv.slice(2)
const server = await startServer({
  dataFolder,
  startupSecret,
  listen,
  clock: { now: () => Number(now) },
  log: (line) => process.stderr.write(`${line}\n`),
})
process.stderr.write(`listening on ${server.url}\n`)
