import type { TaskName } from '@mailseal/common/rpc'

/** What a required number of administrators is set for. */
type Policy = 'view' | 'enable' | 'revoke'

/** How many administrators' passwords each policy requires. */
const REQUIRED: Record<Policy, number> = { view: 1, enable: 1, revoke: 1 }

/** Which policy each task falls under. */
const POLICIES: Record<TaskName, Policy> = {
  'mailboxes.add': 'enable',
  'mailboxes.list': 'view',
  enable: 'enable',
  reissue: 'enable',
  cancel: 'enable',
  revoke: 'revoke',
  journal: 'view',
}

/** How many administrators' passwords a task requires. */
export function requiredNumber(task: TaskName): number {
  return REQUIRED[POLICIES[task]]
}
