import type { ColumnDataType, Kysely } from 'kysely'
import type { Schema } from '../schema.ts'

/** The names a dialect has for the two kinds of columns that every dialect names differently. */
export interface ColumnTypes {
  /** Whole numbers of at least 53 bits. */
  readonly integer: ColumnDataType
  readonly bytes: ColumnDataType
}

/** One step from one version of the tables to the next. Once released it never changes. */
export interface Migration {
  readonly name: string
  up(db: Kysely<Schema>, types: ColumnTypes): Promise<void>
}
