import { formatMinute, formatTime } from '@mailseal/common'
import { defineCommand } from '@mailseal/common/program'
import { connect, openConnectionOptions } from './connection.ts'
import { fields } from './table.ts'

export const crlShow = defineCommand({
  name: 'crl show',
  summary: 'Shows number and age of the revocation list that is out now.',
  description:
    'The revocation list (CRL) holds the serial numbers of all revoked certificates that have not expired. Its signature is checked against the CA of the organization. No password is needed: everybody may read it.',
  arguments: {},
  options: openConnectionOptions,
  exitCodes: {
    102: 'the authority document is not signed by its root',
    103: 'the list is refused',
    107: 'KM server unreachable',
  },
  examples: [
    { command: 'mailseal-admin crl show', description: 'the list of the KM server on this machine' },
    { command: 'mailseal-admin crl show --json', description: 'for a script' },
    { command: 'mailseal-admin crl show --server https://mailseal.example.org', description: 'as others see it' },
  ],
  async run(context) {
    const { number, thisUpdate, nextUpdate, count } = await connect(context).crl()
    return {
      json: { number, thisUpdate: formatTime(thisUpdate), nextUpdate: formatTime(nextUpdate), entries: count },
      text: fields([
        ['Number', String(number)],
        ['This update', formatMinute(thisUpdate)],
        ['Next update', formatMinute(nextUpdate)],
        ['Entries', String(count)],
      ]),
    }
  },
})
