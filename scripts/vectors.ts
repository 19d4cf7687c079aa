/**
 * Makes the vector files that are not there yet (test/vectors/). A file that is there is the contract and stays as it is:
 * to have one made anew, delete it, and look at what changed before it is committed.
 */
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { allDrafts } from '../test/support/vectors/drafts/index.ts'
import { completeDraft } from '../test/support/vectors/drive.ts'
import { FORMATS } from '../test/support/vectors/formats/index.ts'

const folder = join(import.meta.dirname, '..', 'test', 'vectors')
const drafts = await allDrafts()
let written = 0
for (const format of FORMATS) {
  await mkdir(join(folder, format.name), { recursive: true })
  for (const draft of drafts.get(format.name) ?? []) {
    const path = join(folder, format.name, `${draft.name}.txt`)
    if (existsSync(path)) continue
    await writeFile(path, await completeDraft(format, draft), { flag: 'wx' })
    written++
  }
}
process.stdout.write(`${written} vectors written\n`)
