/** A value beside what it is measured against; both are medians of interleaved rounds. */
export interface Row {
  readonly name: string
  readonly value: number
  readonly unit: string
  /** What stands beside it, in the same unit. */
  readonly against: string
  readonly againstValue: number
  /** `value` divided by `againstValue`. */
  readonly ratio: number
}

/** How much is measured. */
export interface Effort {
  /** Rounds that count; one more goes before them to warm up. */
  readonly rounds: number
  /** How many things a round does, where it does so many in full. At least one. */
  times(full: number): number
}

/** One benchmark, one file. Measures the real thing, in folders that it removes; loopback is all the network it uses. */
export interface Benchmark {
  readonly name: string
  /** What it measures, for people. */
  readonly summary: string
  /** @throws Error if what is measured gave a wrong result: its speed would mean nothing. */
  run(effort: Effort): Promise<readonly Row[]>
}

export const FULL: Effort = { rounds: 11, times: (full) => full }
/** Shows in seconds that everything works; the numbers say little. */
export const QUICK: Effort = { rounds: 1, times: (full) => Math.max(1, Math.round(full / 20)) }

/** @param quantity - What is measured: name, unit, and what of. */
export function row(
  quantity: Pick<Row, 'name' | 'unit' | 'against'>,
  measured: Pick<Row, 'value' | 'againstValue'>,
): Row {
  const { name, unit, against } = quantity
  const { value, againstValue } = measured
  return { name, value, unit, against, againstValue, ratio: value / againstValue }
}
