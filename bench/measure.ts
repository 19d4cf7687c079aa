import type { Effort } from './benchmark.ts'

/** Measures one round and returns what it found, such as seconds for each message. */
export type Round = () => Promise<number>

/**
 * Measures several things round by round, first, second, first, second ..., so that whatever else the machine does
 * falls on all of them alike. A first round of each warms up and does not count.
 *
 * @returns The median of each.
 */
export async function interleaved<Name extends string>(
  { rounds }: Pick<Effort, 'rounds'>,
  contenders: Readonly<Record<Name, Round>>,
): Promise<Record<Name, number>> {
  const names = Object.keys(contenders) as Name[]
  const found = new Map<Name, number[]>(names.map((name) => [name, []]))
  for (let round = 0; round <= rounds; round++) {
    for (const name of names) {
      const value = await contenders[name]()
      if (round > 0) found.get(name)?.push(value)
    }
  }
  return Object.fromEntries([...found].map(([name, values]) => [name, median(values)])) as Record<Name, number>
}

/** @throws TypeError if there is nothing to take the median of. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]]
  if (low === undefined || high === undefined) throw new TypeError('nothing was measured')
  return (low + high) / 2
}

/** Seconds that some work takes. */
export async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now()
  await work()
  return (performance.now() - begun) / 1000
}

/** Does something with each item, so many at a time. */
export async function inFlight<Item, Result>(
  limit: number,
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = []
  const remaining = items.entries()
  const worker = async () => {
    for (const [index, item] of remaining) results[index] = await work(item)
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker))
  return results
}
