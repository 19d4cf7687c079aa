import { main } from '@mailseal/common/program'
import { COMMANDS, GROUPS } from './commands/index.ts'

await main({
  name: 'mailseal-admin',
  description: "The administrator's tasks: mailboxes, temporary keys, revocation, and what the KM server knows.",
  groups: GROUPS,
  commands: COMMANDS,
})
