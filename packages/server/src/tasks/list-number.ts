import type { TaskContext } from './context.ts'
import type { RefusedAddress } from './each-address.ts'

/**
 * Publishes a revocation list if any address has serial numbers for it, and tells their results its number; the answer
 * waits until the list is out.
 */
export async function withListNumber<R extends { serials: readonly string[] }>(
  { lists }: TaskContext,
  results: readonly (R | RefusedAddress)[],
): Promise<((R & { crlNumber: number | null }) | RefusedAddress)[]> {
  const isListed = (result: R | RefusedAddress) => 'serials' in result && result.serials.length > 0
  const list = results.some(isListed) ? await lists.publish() : null
  return results.map((result) =>
    'serials' in result ? { ...result, crlNumber: list !== null && isListed(result) ? list.number : null } : result,
  )
}
