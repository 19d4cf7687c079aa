import type { Row } from './benchmark.ts'

const HEADING = ['', 'value', 'unit', 'against', 'value', 'ratio']
/** Columns of numbers, which stand at the right. */
const NUMBERS: ReadonlySet<number> = new Set([1, 4, 5])

/** The rows for people. */
export function table(rows: readonly Row[]): string {
  const cells = [HEADING, ...rows.map(cellsOf)]
  const widths = HEADING.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)))
  const padded = (cell: string, column: number) =>
    NUMBERS.has(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)
  return cells.map((line) => `${line.map(padded).join('  ').trimEnd()}\n`).join('')
}

function cellsOf({ name, value, unit, against, againstValue, ratio }: Row): string[] {
  return [name, number(value), unit, against, number(againstValue), ratio.toFixed(2)]
}

const number = (value: number) => (value >= 100 ? value.toFixed(0) : value.toPrecision(3))
