import * as fc from 'fast-check'
import type { NetworkFault } from '../computer.ts'
import { commonSteps, constant, nth, reason } from '../steps.ts'

/** Which computer: most happens on the first. */
const computer = fc.nat({ max: 6 }).map((n) => [0, 0, 0, 0, 1, 1, 2][n] as number)
const fault: fc.Arbitrary<NetworkFault | null> = fc.option(
  fc.record({ request: fc.nat({ max: 5 }), how: fc.constantFrom('lost', 'not sent', 'sent twice') }),
  { freq: 2 },
)

/** One thing that somebody does with an agent, or an administrator does. */
export const agentsStep = fc.oneof(
  ...commonSteps,
  { weight: 6, arbitrary: fc.record({ do: constant('enroll'), computer, nth, fault }) },
  { weight: 2, arbitrary: fc.record({ do: constant('enroll on two computers at once'), nth }) },
  { weight: 3, arbitrary: fc.record({ do: constant('copy the key file'), computer, to: computer }) },
  { weight: 2, arbitrary: fc.record({ do: constant('sync'), computer, fault }) },
  { weight: 2, arbitrary: fc.record({ do: constant('report'), computer, fault }) },
  { weight: 4, arbitrary: fc.record({ do: constant('renew'), computer, fault }) },
  { weight: 2, arbitrary: fc.record({ do: constant('revoke own'), computer, reason, fault }) },
  { weight: 5, arbitrary: fc.record({ do: constant('sign'), computer }) },
  { weight: 1, arbitrary: fc.record({ do: constant('lose the computer'), computer }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: constant('set the clock'),
      computer,
      ahead: fc.constantFrom(0, 240, -240, 400, -400, -7200),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: constant('a bad line for the administrator'), fault }) },
)
export type AgentsStep = typeof agentsStep extends fc.Arbitrary<infer S> ? S : never
