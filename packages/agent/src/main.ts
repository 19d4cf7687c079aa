import { main } from '@mailseal/common/program'
import { COMMANDS, GROUPS } from './commands/index.ts'

await main({
  name: 'mailseal',
  description: "Secure mail for a user: enrolls, signs and checks with your organization's certificates.",
  commands: COMMANDS,
  groups: GROUPS,
})
