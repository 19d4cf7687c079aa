import { MailsealError } from '@mailseal/common'

/** Runs expensive work, so much at a time and no more than so much waiting. */
export interface Limiter {
  /** @throws {@link MailsealError} `busy` if the queue is full; the work is then not begun. */
  run<T>(work: () => Promise<T>): Promise<T>
}

/**
 * First come, first served.
 *
 * @param limits.refusal - What the error says where the queue is full.
 */
export function makeLimiter(limits: {
  readonly running: number
  readonly waiting: number
  readonly refusal: string
}): Limiter {
  const queue: (() => void)[] = []
  let running = 0

  async function enter(): Promise<void> {
    if (running < limits.running) {
      running += 1
      return
    }
    if (queue.length >= limits.waiting) throw new MailsealError('busy', limits.refusal)
    await new Promise<void>((resolve) => queue.push(resolve))
  }

  /** Who waits takes over the place of who leaves, so that nobody slips in between. */
  function leave(): void {
    const next = queue.shift()
    if (next) next()
    else running -= 1
  }

  return {
    async run(work) {
      await enter()
      try {
        return await work()
      } finally {
        leave()
      }
    },
  }
}
