import { readdir, unlink } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { MailsealError } from '@mailseal/common'
import type { Context } from './context.ts'

/**
 * Removes what a kill in the middle of a write left behind: files under the temporary names of our own. All are written
 * with the state's write lock held, so that with it in hand nobody can be writing one.
 */
export async function sweepLeftovers({ home, state }: Pick<Context, 'home' | 'state'>): Promise<void> {
  const targets = [home.keyFile, `${home.keyFile}.previous`, home.pending, home.revocationList].map((path) =>
    basename(path),
  )
  const isLeftover = (name: string) => targets.some((target) => isTemporaryNameOf(target, name))
  if (!(await readdir(home.folder)).some(isLeftover)) return
  try {
    await state.exclusively(async () => {
      for (const name of await readdir(home.folder)) if (isLeftover(name)) await unlink(join(home.folder, name))
    })
  } catch (error) {
    // Whoever holds the lock for so long, or closed the folder to us, does not keep us from our work.
    const isHarmless = error instanceof MailsealError ? error.code === 'busy' : 'syscall' in (error as object)
    if (!isHarmless) throw error
  }
}

/** As `writeFileAtomically` names them. */
function isTemporaryNameOf(target: string, name: string): boolean {
  return name.startsWith(`.${target}.`) && /^[0-9a-f]{12}\.tmp$/.test(name.slice(target.length + 2))
}
