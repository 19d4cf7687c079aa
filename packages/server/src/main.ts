import { main } from '@mailseal/common/program'
import { init } from './commands/init.ts'
import { start } from './commands/start.ts'

await main({
  name: 'mailseal-server',
  description: 'The KM server: mailboxes, certificates, archive, revocation list, administrators, journal.',
  commands: [init, start],
})
