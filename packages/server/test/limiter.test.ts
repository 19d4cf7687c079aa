import { describe, expect, it } from 'vitest'
import { makeLimiter } from '../src/limiter.ts'

describe('limiter', () => {
  it('runs so much at a time, in the order of coming, whatever fails', async () => {
    const limiter = makeLimiter({ running: 2, waiting: 8, refusal: 'too much' })
    const order: number[] = []
    let running = 0
    let most = 0
    const work = (index: number) => async () => {
      order.push(index)
      running += 1
      most = Math.max(most, running)
      await new Promise(setImmediate)
      running -= 1
      if (index % 3 === 0) throw new Error(`work ${index}`)
      return index
    }
    const results = await Promise.allSettled(Array.from({ length: 11 }, (_, index) => limiter.run(work(index))))
    expect(most).toBe(2)
    expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(5)
    expect(results[10]).toMatchObject({ reason: { code: 'busy', message: 'too much' } })
    expect(await limiter.run(async () => 'free')).toBe('free')
  })
})
