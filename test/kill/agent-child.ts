/* One step of an agent, in a process of its own that may be killed. */
import { openAgent } from '@mailseal/agent'
import { CHEAP_ARGON2 } from './cheap-argon2.ts'

/** What the process is told, as JSON in its first argument. */
export interface Step {
  readonly home: string
  readonly password: string
  /** Unix seconds: what its clock says. */
  readonly now: number
  /** To enroll with; to renew without. */
  readonly enrollment?: { readonly temporaryKey: string; readonly address: string; readonly server: string }
}

const step = JSON.parse(process.argv[2] ?? '') as Step
const agent = await openAgent({
  home: step.home,
  password: async () => step.password,
  clock: { now: () => step.now },
  argon2: CHEAP_ARGON2,
})
if (step.enrollment === undefined) await agent.renew()
else await agent.enroll(step.enrollment)
agent.close()
