import { LIMITS, toHex } from '@mailseal/common'
import type { TaskHandler } from './call.ts'

/** Shows a page of the journal, the oldest entries first, and its head. */
export const journal: TaskHandler<'journal'> = (context, call) =>
  context.store.read(async (reads) => {
    const rows = await reads.journal(call.parameters.after ?? 0, LIMITS.listPage + 1)
    const page = rows.slice(0, LIMITS.listPage)
    const head = await reads.journalHead()
    return {
      entries: page.map(({ salt: _, administrators, hash, ...entry }) => ({
        ...entry,
        administrators: [...administrators],
        hash: toHex(hash),
      })),
      head: toHex(head.hash),
      next: rows.length > page.length ? (page.at(-1)?.index ?? null) : null,
    }
  })
