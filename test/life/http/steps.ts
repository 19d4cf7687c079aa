import type { ErrorCode } from '@mailseal/common'
import * as fc from 'fast-check'
import { commonSteps, constant, nth, reason, who } from '../steps.ts'

/** What may be wrong with an enrollment's request, and how the server words it where that follows from nothing else. */
export const ENROLLMENT_FAULTS = {
  'a changed seal': 'cannot-decrypt',
  "another temporary key's secret": 'cannot-decrypt',
  'another offer': 'bad-data',
  'another document': 'bad-data',
  'another name': null,
  "another key's revocation": 'bad-data',
  'an archive entry that is none': null,
  "another mailbox's archive entry": null,
  'a beginning an hour too early': null,
  'a beginning six minutes ahead': null,
  'a key enrolled before': null,
} as const satisfies Record<string, ErrorCode | null>
export type EnrollmentFault = keyof typeof ENROLLMENT_FAULTS

/** What may be wrong with a user's signed request. */
const REQUEST_FAULTS = [
  'eleven minutes old',
  'eleven minutes ahead',
  'six minutes ahead',
  'of another organization',
  'with an unknown serial number',
  "signed with another's key",
  'changed on its way',
  'signed for another purpose',
  'with signatures of another date',
] as const
export type RequestFault = (typeof REQUEST_FAULTS)[number]

/** One thing that somebody does. */
export const httpStep = fc.oneof(
  ...commonSteps,
  { weight: 1, arbitrary: fc.record({ do: constant('a wrong password'), who }) },
  { weight: 2, arbitrary: fc.record({ do: constant('offer'), nth }) },
  { weight: 1, arbitrary: fc.record({ do: constant('a temporary key that nobody has') }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: constant('enroll'),
      nth,
      fault: fc.option(fc.constantFrom(...(Object.keys(ENROLLMENT_FAULTS) as EnrollmentFault[])), { freq: 3 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: constant('enroll twice at once'), nth, identical: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: constant('the same enrollment again'), nth }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom('report', 'renew', 'revoke own'),
      nth,
      serial: nth,
      reason,
      fault: fc.option(fc.constantFrom(...REQUEST_FAULTS), { freq: 3 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: constant('the same request again'), nth }) },
  { weight: 4, arbitrary: fc.record({ do: constant('letter'), nth, later: fc.constantFrom(0, -1, 1, 400) }) },
)

export type HttpStep = typeof httpStep extends fc.Arbitrary<infer S> ? S : never
