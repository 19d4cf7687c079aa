import { formatMinute, formatTime } from '@mailseal/common'
import { defineCommand, option } from '@mailseal/common/program'
import type { ReportResult } from '../report.ts'
import { passwordFile, withAgent } from './with-agent.ts'

export const report = defineCommand({
  name: 'report',
  summary: 'Tells the KM server which certificate and revocation list you work with.',
  description:
    'Your administrator sees from reports that your keys arrived and that your computer still gets the revocation list. A report ' +
    'holds the serial number of your certificate, the number of your list, the time and the version of this program, signed ' +
    'with your key, and nothing else.',
  arguments: {},
  options: {
    show: option.flag('--show', 'show what a report would say, and send nothing'),
    passwordFile,
  },
  exitCodes: {
    67: 'nobody can be asked for the password',
    100: 'your certificate is revoked',
    105: 'the password is wrong',
    107: 'the KM server does not answer',
  },
  examples: [
    { command: 'mailseal report', description: 'now' },
    { command: 'mailseal report --show', description: 'see first what it would say' },
    { command: 'mailseal report --batch --password-file password.txt', description: 'in a script' },
  ],
  async run(context) {
    const { show, passwordFile: file } = context.options
    const result = await withAgent(context, (agent) => agent.report({ show }), { passwordFile: file })
    return { json: asJson(result), text: asReportText(result) }
  },
})

function asJson({ serial, time, body, root, serverCrlNumber }: ReportResult) {
  const { crlNumber, agent } = body
  return { sent: serverCrlNumber !== null, serial, time: formatTime(time), crlNumber, agent, root, serverCrlNumber }
}

function asReportText({ serial, time, body, serverCrlNumber }: ReportResult): string {
  return [
    serverCrlNumber === null ? 'A report would say:' : 'Reported:',
    `  serial number ${serial}`,
    `  revocation list ${body.crlNumber}`,
    `  time ${formatMinute(time)}`,
    `  program ${body.agent}`,
  ].join('\n')
}
