import { REVOKE_REASONS } from '@mailseal/common/rpc'
import * as fc from 'fast-check'
import type { Administration } from './administration.ts'
import { DAY, type Model, type TemporaryKey } from './model.ts'

/** Few, so that lives of mailboxes cross: each can be removed and added again, and moved to another. */
export const ADDRESSES = ['alice@example.org', 'bob@example.org', 'carol@example.org'] as const

export const who = fc.nat({ max: 6 }).map((n) => ADDRESSES[[0, 0, 0, 0, 1, 1, 2][n] as 0 | 1 | 2])
/** Which of several, counted from the newest; of temporary keys, those that are alive come first. */
export const nth = fc.nat({ max: 3 })
export const constant = <const T extends string>(text: T) => fc.constant(text)
export const reason = fc.constantFrom(...REVOKE_REASONS)

/** What a clock may do between two steps, in seconds. */
const TIMES = {
  'a minute': 60,
  'an hour': 3600,
  'two days': 2 * DAY,
  'fifteen days': 15 * DAY,
  'a month': 31 * DAY,
  'half a year': 184 * DAY,
  'a year': 366 * DAY,
  'a minute back': -60,
  'twenty minutes back': -1200,
  'five hours back': -5 * 3600,
  'three days back': -3 * DAY,
} as const
export type Time = keyof typeof TIMES

/** The server's clock goes on, or is set back; its hourly timer publishes, unless the clock keeps it from that. */
export async function passTime(
  by: Time,
  model: Model,
  server: { readonly clock: { at: number }; publish(): Promise<unknown> },
): Promise<void> {
  await setTime(model.now + TIMES[by], model, server)
}

/** Some time after all that was ever said on any clock. */
export function afterAll(model: Model): number {
  return model.latest + DAY
}

export async function setTime(
  at: number,
  model: Model,
  server: { readonly clock: { at: number }; publish(): Promise<unknown> },
): Promise<void> {
  const passed = at - model.now
  model.now = at
  model.latest = Math.max(model.latest, at)
  server.clock.at = at
  if (passed >= 3600 && model.listRefusal() === null) await server.publish()
}

/** What administrators and time do, in both kinds of lives. */
export const commonSteps = [
  { weight: 12, arbitrary: fc.record({ do: constant('go on'), who }) },
  { weight: 1, arbitrary: fc.record({ do: constant('add'), who }) },
  { weight: 2, arbitrary: fc.record({ do: constant('enable'), who, withoutHistory: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ do: constant('recover'), who }) },
  { weight: 2, arbitrary: fc.record({ do: constant('reissue'), who }) },
  { weight: 2, arbitrary: fc.record({ do: constant('cancel'), who }) },
  { weight: 2, arbitrary: fc.record({ do: constant('revoke'), who, reason }) },
  { weight: 1, arbitrary: fc.record({ do: constant('remove'), who }) },
  { weight: 1, arbitrary: fc.record({ do: constant('rename'), who }) },
  { weight: 1, arbitrary: fc.record({ do: constant('move'), who, to: who }) },
  { weight: 1, arbitrary: fc.record({ do: constant('the same task again'), nth }) },
  { weight: 1, arbitrary: fc.record({ do: constant('another task with its id'), nth, who }) },
  {
    weight: 5,
    arbitrary: fc.record({ do: constant('time'), by: fc.constantFrom(...(Object.keys(TIMES) as Time[])) }),
  },
  { weight: 1, arbitrary: fc.record({ do: constant('restart') }) },
] as const

type CommonStep = (typeof commonSteps)[number]['arbitrary'] extends fc.Arbitrary<infer S> ? S : never
/** A step that is an administrator's task, or several of them in turn. */
export type AdministratorsStep = Exclude<CommonStep, { do: 'time' | 'restart' }>

/**
 * Does an administrator's step.
 *
 * @param enroll - Enrolls with a temporary key that is alive.
 */
export async function administer(
  tasks: Administration,
  model: Model,
  step: AdministratorsStep,
  enroll: (key: TemporaryKey) => Promise<void>,
): Promise<void> {
  switch (step.do) {
    case 'go on':
      return goOn(tasks, model, step.who, enroll)
    case 'add':
      return tasks.add(step.who)
    case 'enable':
      return void (await tasks.issue('enable', step.who, step.withoutHistory))
    case 'recover':
    case 'reissue':
      return void (await tasks.issue(step.do, step.who))
    case 'cancel':
      return tasks.cancel(step.who)
    case 'revoke':
      return tasks.revoke(step.who, step.reason)
    case 'remove':
      return tasks.remove(step.who)
    case 'rename':
      return tasks.rename(step.who)
    case 'move':
      return tasks.move(step.who, step.to)
    case 'the same task again':
      return tasks.again(step.nth)
    case 'another task with its id':
      return tasks.sameIdOtherTask(step.nth, step.who)
  }
}

/** Temporary keys of the addresses above in the order in which they are tried. */
export function temporaryKeysInTurn(model: Model): TemporaryKey[] {
  const addresses: readonly string[] = ADDRESSES
  const newestFirst = model.temporaryKeys.filter((key) => addresses.includes(key.address)).reverse()
  return [...newestFirst.filter(({ ended }) => ended === null), ...newestFirst.filter(({ ended }) => ended !== null)]
}

/** The next sensible thing for an address: sooner or later it is Active, and then has its key recovered. */
export async function goOn(
  tasks: Administration,
  model: Model,
  address: string,
  enroll: (key: TemporaryKey) => Promise<void>,
): Promise<void> {
  const mailbox = model.mailboxAt(address)
  if (mailbox === null) return tasks.add(address)
  const live = model.liveTemporaryKey(mailbox)
  switch (mailbox.status) {
    case 'Undefined':
    case 'Disabled':
      return void (await tasks.issue('enable', address))
    case 'Active':
      return void (await tasks.issue('recover', address))
    case 'New':
    case 'Key recovery in progress':
      if (live === null || model.endOf(live) !== null) return void (await tasks.issue('reissue', address))
      return enroll(live)
  }
}

/**
 * Shows that an address is not stuck: a few sensible steps lead to Active.
 *
 * @throws Error if they don't.
 */
export async function bringToActive(
  tasks: Administration,
  model: Model,
  address: string,
  enroll: (key: TemporaryKey) => Promise<void>,
): Promise<void> {
  for (let taken = 0; taken === 0 || model.mailboxAt(address)?.status !== 'Active'; taken++) {
    if (taken === 4) throw new Error(`${address} is stuck`)
    await goOn(tasks, model, address, enroll)
  }
}
