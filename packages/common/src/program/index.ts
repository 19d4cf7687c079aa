export type { Ask, Question } from './ask.ts'
export {
  argument,
  type Command,
  type CommandContext,
  type CommandResult,
  defineCommand,
  type Example,
  type Frame,
  option,
} from './command.ts'
export { dataFolder } from './data-folder.ts'
export {
  ensurePrivateFolder,
  readFileBounded,
  readInput,
  readSecretFile,
  writeFileAtomically,
  writeSecretFileExclusive,
} from './files.ts'
export { type Io, nodeIo, type Terminal } from './io.ts'
export { main } from './main.ts'
export { asPassword, type Credentials, parseCredentials, readCredentialsFile, readPasswordFile } from './passwords.ts'
export type { Program } from './program.ts'
export { runProgram } from './run-program.ts'
export { jsonLine, printable } from './speech.ts'
