import { main } from '@mailseal/common/program'

await main({
  name: 'mailseal',
  description: 'Secure mail for a user: enrolls, signs, encrypts, opens and checks.',
  commands: [],
})
