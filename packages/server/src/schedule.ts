import { inspect } from 'node:util'
import { SPANS } from '@mailseal/common'
import type { Log } from './log.ts'
import type { TaskContext } from './tasks/context.ts'
import { sweep } from './tasks/sweep.ts'

/** What a server does by itself, until it is stopped. */
export interface Schedule {
  /** Begins nothing more, and waits for what is under way. */
  stop(): Promise<void>
}

/** Publishes a revocation list every hour and sweeps as often as remembered answers lapse. */
export function startSchedule(context: TaskContext, log: Log): Schedule {
  const running = new Set<Promise<unknown>>()

  const every = (seconds: number, label: string, work: () => Promise<unknown>) =>
    setInterval(() => {
      const run = work()
        .catch((thrown) => log(`${label}: ${inspect(thrown)}`))
        .finally(() => running.delete(run))
      running.add(run)
    }, seconds * 1000).unref()

  const timers = [
    every(SPANS.crlInterval, 'revocation list', () => context.lists.publish()),
    every(SPANS.taskResultKept, 'sweep', () => sweep(context)),
  ]

  return {
    async stop() {
      for (const timer of timers) clearInterval(timer)
      await Promise.all(running)
    },
  }
}
