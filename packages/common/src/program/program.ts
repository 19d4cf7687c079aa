import type { Command } from './command.ts'
import type { Io } from './io.ts'

/** One of the three programs, and one run of it. */
export interface Program {
  readonly name: string
  readonly version: string
  /** What it is for, in a sentence or two. */
  readonly description: string
  readonly commands: readonly Command[]
  /** What the first words of commands of two words stand for: `{ mailboxes: 'People and functions with an address.' }`. */
  readonly groups?: Readonly<Record<string, string>>
  /** The words after the program's name. */
  readonly argv: readonly string[]
  readonly io: Io
}
