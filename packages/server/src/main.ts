import { main } from '@mailseal/common/program'

await main({
  name: 'mailseal-server',
  description: 'The KM server: mailboxes, certificates, archive, revocation list, administrators, journal.',
  commands: [],
})
