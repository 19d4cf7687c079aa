import type { TaskName } from '@mailseal/common/rpc'

/** What a required number of administrators is set for. */
type Policy = 'view' | 'enable' | 'revoke' | 'recover'

/**
 * How many administrators' passwords each policy requires. Whatever stands here, the archive opens for as many as the
 * quorum seed was split for, and for no fewer: that is checked where it is opened.
 */
const REQUIRED: Record<Policy, number> = { view: 1, enable: 1, revoke: 1, recover: 1 }

/** Which policy each task falls under. */
const POLICIES: Record<TaskName, Policy> = {
  'mailboxes.add': 'enable',
  'mailboxes.list': 'view',
  // Another address ends certificates.
  'mailboxes.change': 'revoke',
  'mailboxes.remove': 'revoke',
  enable: 'enable',
  recover: 'recover',
  reissue: 'enable',
  cancel: 'enable',
  revoke: 'revoke',
  journal: 'view',
}

/** How many administrators' passwords a task requires. */
export function requiredNumber(task: TaskName): number {
  return REQUIRED[POLICIES[task]]
}
