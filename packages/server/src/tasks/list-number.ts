import type { TaskContext } from './context.ts'
import type { RefusedAddress } from './each-address.ts'

/**
 * Publishes a revocation list if any address has serial numbers for it, and tells their results its number; the answer
 * waits until the list is out. A task that breaks off has it out as well: who asks anew finds what was done refused.
 */
export async function withListNumber<R extends { serials: readonly string[] }>(
  { lists }: TaskContext,
  task: Promise<{ readonly results: readonly (R | RefusedAddress)[] }>,
): Promise<((R & { crlNumber: number | null }) | RefusedAddress)[]> {
  const { results } = await task.catch(async (thrown) => {
    await lists.publish().catch(() => undefined)
    throw thrown
  })
  const isListed = (result: R | RefusedAddress) => 'serials' in result && result.serials.length > 0
  const list = results.some(isListed) ? await lists.publish() : null
  return results.map((result) =>
    'serials' in result ? { ...result, crlNumber: list !== null && isListed(result) ? list.number : null } : result,
  )
}
