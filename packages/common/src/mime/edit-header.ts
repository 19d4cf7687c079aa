import { concat, utf8 } from '../encoding.ts'
import type { HeaderField } from './headers.ts'
import { bytesAt, type MimePart } from './part.ts'

/**
 * The message with some of its header fields left out or written anew; all other bytes stay as they are.
 *
 * @param edit - For each field: `keep`, null to leave it out, or a whole new field without its last line end.
 */
export function editHeader(root: MimePart, edit: (field: HeaderField) => 'keep' | string | null): Uint8Array {
  const fields = root.headers.all
  const pieces = fields.map((field, i) => {
    const edited = edit(field)
    if (edited === null) return new Uint8Array()
    if (edited !== 'keep') return utf8(`${edited}\r\n`)
    return bytesAt(root, { start: field.range.start, end: fields[i + 1]?.range.start ?? root.header.end })
  })
  return concat(...pieces, root.source.subarray(root.header.end))
}
