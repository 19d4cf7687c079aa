import { main } from '@mailseal/common/program'

await main({
  name: 'mailseal-admin',
  description: "The administrator's tasks: mailboxes, temporary keys, revocation, recovery, administrators.",
  commands: [],
})
