import { addMonths } from '../clock.ts'
import { SPANS } from '../limits.ts'

/** When a certificate that is valid from then on ends: 18 calendar months later, UTC. Unix seconds both. */
export function validToOf(validFrom: number): number {
  return addMonths(validFrom, SPANS.certificateMonths)
}
