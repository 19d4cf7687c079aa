import { addMonths, asText, formatTime, SPANS, utf8 } from '@mailseal/common'
import { validToOf } from '@mailseal/common/certificate'
import type { Format, Given } from '../format.ts'

/** Lines of two times, RFC 3339 in UTC: the second is so many calendar months after the first. */
export const dates: Format = {
  name: 'dates',
  inputs: ['months'],
  results: [],
  makings: [],
  read: async () => ({}),
  async write(given) {
    const lines = asText(given.body, 'the table').split('\n')
    return { body: utf8(lines.map((line) => lineOf(line, given)).join('\n')) }
  },
}

function lineOf(line: string, given: Given): string {
  const [from = ''] = line.split(' ')
  const begin = Date.parse(from) / 1000
  const end = addMonths(begin, given.number('months'))
  if (given.number('months') === SPANS.certificateMonths && validToOf(begin) !== end)
    throw new Error('two ways to count')
  return `${from} ${formatTime(end)}`
}
