import { posix, win32 } from 'node:path'
import type { Io } from './io.ts'

/**
 * Where the platform keeps what belongs to a program and a person.
 *
 * @param program - The folder's name: `mailseal`, `mailseal-server`.
 * @see XDG Base Directory Specification: a path that is not absolute is ignored.
 */
export function dataFolder(io: Pick<Io, 'env' | 'home' | 'platform'>, program: string): string {
  if (io.platform === 'darwin') return posix.join(io.home, 'Library', 'Application Support', program)
  if (io.platform === 'win32')
    return win32.join(io.env.LOCALAPPDATA ?? win32.join(io.home, 'AppData', 'Local'), program)
  const given = io.env.XDG_DATA_HOME
  return posix.join(given && posix.isAbsolute(given) ? given : posix.join(io.home, '.local', 'share'), program)
}
