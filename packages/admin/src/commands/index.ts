import type { Command } from '@mailseal/common/program'
import { authorityShow } from './authority-show.ts'
import { cancel } from './cancel.ts'
import { crlShow } from './crl-show.ts'
import { enable } from './enable.ts'
import { journal } from './journal.ts'
import { mailboxesAdd } from './mailboxes-add.ts'
import { mailboxesChange } from './mailboxes-change.ts'
import { mailboxesList } from './mailboxes-list.ts'
import { mailboxesRemove } from './mailboxes-remove.ts'
import { recover } from './recover.ts'
import { reissue } from './reissue.ts'
import { revoke } from './revoke.ts'
import { status } from './status.ts'

/** All commands of mailseal-admin, in the order of its help. */
export const COMMANDS: readonly Command[] = [
  mailboxesAdd,
  mailboxesList,
  mailboxesChange,
  mailboxesRemove,
  status,
  enable,
  reissue,
  cancel,
  revoke,
  recover,
  journal,
  crlShow,
  authorityShow,
]

/** What the first words of commands of two words stand for. */
export const GROUPS = {
  mailboxes: 'The people and functions whose security is managed.',
  crl: 'The revocation list.',
  authority: 'What the organization is, vouched for by its root.',
} as const
