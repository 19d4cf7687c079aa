export { type Initialized, type InitializeOptions, initialize } from './initialize.ts'
export type { Log } from './log.ts'
export { type RunningServer, type ServerOptions, startServer } from './server.ts'
