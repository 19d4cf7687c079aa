import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { newAgent, temporaryFolder } from './organization.ts'

const LEFT = [
  '.mailseal.keyfile.0123456789ab.tmp',
  '.mailseal.keyfile.previous.0123456789ab.tmp',
  '.enrollment.pending.0123456789ab.tmp',
  '.revocations.crl.0123456789ab.tmp',
]
const OTHERS = [
  '.mailseal.keyfile.tmp',
  '.mailseal.keyfile.0123456789AB.tmp',
  '.mailseal.keyfile.old.0123456789ab.tmp',
  '.letter.0123456789ab.tmp',
  'mailseal.keyfile.0123456789ab.tmp',
]

async function littered() {
  const home = await temporaryFolder()
  for (const name of [...LEFT, ...OTHERS]) await writeFile(join(home, name), 'half of it')
  return home
}

const namesIn = async (home: string) => (await readdir(home)).filter((name) => name.endsWith('.tmp')).sort()

describe('what a kill in the middle of a write left behind', () => {
  it('is swept when the agent opens, and nothing else', async () => {
    const home = await littered()
    await newAgent({ home })
    expect(await namesIn(home)).toEqual([...OTHERS].sort())
  })

  it('stays while another process may be writing it', async () => {
    const home = await littered()
    const script = fileURLToPath(new URL('state/hold-lock.ts', import.meta.url))
    const child = spawn(process.execPath, [script, join(home, 'state.sqlite')], { stdio: ['pipe', 'pipe', 'inherit'] })
    const exited = once(child, 'exit')
    await once(child.stdout, 'data')
    let isOpen = false
    const opening = newAgent({ home }).then(() => {
      isOpen = true
    })
    // Meanwhile another one is opened and swept from beginning to end.
    await newAgent({ home: await littered() })
    expect(await namesIn(home)).toEqual([...LEFT, ...OTHERS].sort())
    expect(isOpen).toBe(false)
    child.stdin.write('go\n')
    await opening
    expect(await namesIn(home)).toEqual([...OTHERS].sort())
    await exited
  })
})
