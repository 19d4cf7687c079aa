import { formatMinute, formatTime } from '@mailseal/common'
import { defineCommand } from '@mailseal/common/program'
import type { JournalEntry } from '@mailseal/common/rpc'
import { connect, connectionOptions, taskExitCodes } from './connection.ts'
import { table } from './table.ts'

export const journal = defineCommand({
  name: 'journal',
  summary: 'Shows the record of all tasks, done or refused.',
  description:
    'Every task that administrators asked for, and every enrollment, from the oldest on. Each entry holds the hash of those before it, so that none can be changed or taken out unnoticed; the last hash, the head, stands in every revocation list as well.',
  arguments: {},
  options: connectionOptions,
  exitCodes: taskExitCodes,
  examples: [
    { command: 'mailseal-admin journal', description: 'a table' },
    { command: 'mailseal-admin journal --json', description: 'with hashes and request ids' },
    { command: 'mailseal-admin journal | tail -n 20', description: 'what happened last' },
  ],
  async run(context) {
    const entries: JournalEntry[] = []
    let head = ''
    for await (const page of connect(context).journal()) {
      entries.push(...page.entries)
      head = page.head
    }
    return {
      json: { entries: entries.map((entry) => ({ ...entry, time: formatTime(entry.time) })), head },
      text: table(['', 'TIME', 'TASK', 'SUBJECT', 'RESULT', 'ADMINISTRATORS'], entries.map(rowOf)),
    }
  },
})

function rowOf({ index, time, task, subject, result, administrators }: JournalEntry): string[] {
  return [String(index), formatMinute(time), task, subject || '-', result, administrators.join(', ') || '-']
}
