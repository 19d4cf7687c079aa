import { argument, defineCommand } from '@mailseal/common/program'
import { withAgent } from './with-agent.ts'

export const keyfileCopy = defineCommand({
  name: 'keyfile copy',
  summary: 'Copies your key file into a new file.',
  description:
    'The copy is as well protected as the key file itself: by its password, which it keeps. Carry it to another computer and run ' +
    '"mailseal keyfile use" there, or put it away as a backup. A file that exists is never overwritten.',
  arguments: { file: argument.one('FILE', 'the copy to make, or - for stdout') },
  options: {},
  examples: [
    { command: 'mailseal keyfile copy /media/usb/alice.keyfile', description: 'to a stick' },
    { command: 'mailseal keyfile copy backup-2026.keyfile --quiet', description: 'as a backup' },
    { command: 'mailseal keyfile copy alice.keyfile --json', description: 'in a script' },
  ],
  async run(context) {
    const { file } = context.args
    if (file === '-') return { json: { file }, bytes: await withAgent(context, (agent) => agent.keyFile.read()) }
    await withAgent(context, (agent) => agent.keyFile.copy(file))
    await context.say(`on the other computer, run: mailseal keyfile use "${file}"`)
    return { json: { file }, text: '' }
  },
})
