import { GPG } from './gpg.ts'
import { type OpenpgpProgram, programOf } from './program.ts'
import { RNP } from './rnp.ts'
import { SQ } from './sq.ts'
import { PGPAINLESS, SQOP } from './stateless.ts'

export type { OpenpgpProgram }

const DIALECTS = { gpg: GPG, sq: SQ, sqop: SQOP, rnp: RNP, 'pgpainless-cli': PGPAINLESS } as const

export type ProgramName = keyof typeof DIALECTS

/** All that the tests require (scripts/required-tools.ts). */
export const PROGRAM_NAMES = Object.keys(DIALECTS) as ProgramName[]

/** A program that knows nobody yet; end it. */
export const openpgpProgram = (name: ProgramName): Promise<OpenpgpProgram> => programOf(DIALECTS[name])
