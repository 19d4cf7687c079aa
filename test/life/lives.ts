import * as fc from 'fast-check'
import { it } from 'vitest'

/** What happened in one life, line by line. */
export type Story = string[]

const SPEED = process.env.SLOW === '1' ? 'slow' : 'fast'
const RUNS = { fast: 200, slow: 20_000 }[SPEED]
/** Enough for a failure to be made small as well. */
const MINUTES = { fast: 15, slow: 360 }[SPEED]

/**
 * Lives through random sequences of steps, each over a KM server of its own. A failure is made small, and told with its
 * seed, its path and what happened; `LIFE_SEED=... LIFE_PATH=... npx vitest run FILE` lives through it again.
 */
export function testLives<S extends { readonly do: string }>(
  what: string,
  options: {
    readonly step: fc.Arbitrary<S>
    /** How many steps a life has at the most. */
    readonly most: { readonly fast: number; readonly slow: number }
    /** Throws at the first thing that is not as it has to be. */
    live(steps: readonly S[], story: Story): Promise<void>
  },
): void {
  const { step, most, live } = options
  const { LIFE_SEED: seed, LIFE_PATH: path, LIFE_RUNS: runs } = process.env
  it(what, { timeout: MINUTES * 60_000 }, () =>
    fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: most[SPEED], size: 'max' }), async (steps) => {
        const story: Story = []
        try {
          await live(steps, story)
        } catch (thrown) {
          throw new Error(
            `${String(thrown instanceof Error ? thrown.message : thrown)}\n\nWhat happened:\n${numbered(story)}\n`,
            {
              cause: thrown,
            },
          )
        }
      }),
      {
        // Long lives from the first run on.
        unbiased: true,
        numRuns: runs === undefined ? RUNS : Number(runs),
        includeErrorInReport: true,
        ...(seed === undefined ? {} : { seed: Number(seed) }),
        ...(path === undefined ? {} : { path }),
      },
    ),
  )
}

function numbered(story: Story): string {
  return story.map((line, i) => `  ${i + 1}. ${line}`).join('\n')
}
