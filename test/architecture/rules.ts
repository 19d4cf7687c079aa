import { posix } from 'node:path'
import { COMPUTED, type Source } from './sources.ts'

/** What the rules need of a package's package.json. */
export interface Manifest {
  readonly name: string
  readonly exports?: Readonly<Record<string, string>>
  readonly bin?: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
}

/** The packages by folder: `packages/common`. */
export type Manifests = ReadonlyMap<string, Manifest>

/** Node's modules that only compute: what `common` may use outside its room `program/`. */
const PURE_MODULES = ['node:assert', 'node:buffer', 'node:crypto', 'node:url', 'node:util', 'node:zlib']

/** Globals that reach out of a library; it gets clock, network and streams passed in. */
const WORLDLY_NAMES = ['process', 'console', 'fetch', 'XMLHttpRequest', 'WebSocket', 'setTimeout', 'setInterval']

/** Globals of a transport, which the server's policy and store must not know. */
const TRANSPORT_NAMES = ['Request', 'Response', 'Headers', 'fetch']

/** The launcher imports the program that it was asked for. */
const LAUNCHER = 'packages/common/bin/launch.js'

const PROGRAM_ROOM = 'packages/common/src/program/'
const isIn = (path: string, ...folders: string[]) => folders.some((folder) => path.startsWith(`packages/${folder}/`))

function packageFolder(path: string): string {
  return path.split('/').slice(0, 2).join('/')
}

/** `@scope/name` or `name` of `@scope/name/some/file`. */
function packageName(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

/** The file that a specifier means, from the root of the project; null for what is not ours. */
export function resolveImport(from: string, specifier: string, manifests: Manifests): string | null {
  if (specifier.startsWith('.')) return posix.join(posix.dirname(from), specifier)
  for (const [folder, manifest] of manifests) {
    if (packageName(specifier) !== manifest.name) continue
    const file = manifest.exports?.[`.${specifier.slice(manifest.name.length)}`]
    return file === undefined ? null : posix.join(folder, file)
  }
  return null
}

/** Every wall that a file breaks through, one sentence each. */
export function brokenWalls(source: Source, manifests: Manifests): string[] {
  const fromImports = source.imports.flatMap((specifier) => [
    ...packageWalls(source.path, specifier, manifests),
    ...commonWalls(source.path, specifier),
    ...serverWalls(source.path, specifier),
  ])
  return [...fromImports, ...nameWalls(source)].map((what) => `${source.path} ${what}`)
}

/** Packages: only `common` is shared, only through its exports, and what is imported is declared. */
function packageWalls(path: string, specifier: string, manifests: Manifests): string[] {
  if (specifier.startsWith('node:') || (path === LAUNCHER && specifier === COMPUTED)) return []
  const folder = packageFolder(path)
  const own = manifests.get(folder)
  if (specifier.startsWith('.')) {
    const outside = !resolveImport(path, specifier, manifests)?.startsWith(`${folder}/`)
    return outside ? [`leaves its package: ${specifier}`] : []
  }
  if (own?.dependencies?.[packageName(specifier)] === undefined)
    return [`imports what its package doesn't declare: ${specifier}`]
  if (!specifier.startsWith('@mailseal/')) return []
  if (packageName(specifier) !== '@mailseal/common') return [`imports another package than common: ${specifier}`]
  return resolveImport(path, specifier, manifests) === null ? [`imports what common doesn't export: ${specifier}`] : []
}

/** common: no I/O outside its room `program/`, which the rest of it doesn't know. */
function commonWalls(path: string, specifier: string): string[] {
  if (!isIn(path, 'common/src') || path.startsWith(PROGRAM_ROOM)) return []
  if (specifier.startsWith('node:') && !PURE_MODULES.includes(specifier)) return [`does I/O in common: ${specifier}`]
  const target = posix.join(posix.dirname(path), specifier)
  return specifier.startsWith('.') && target.startsWith(PROGRAM_ROOM) ? [`imports the room program/: ${specifier}`] : []
}

/** server: http/ decodes and answers, tasks/ decides, store/ remembers; each knows only the floor below. */
function serverWalls(path: string, specifier: string): string[] {
  if (!isIn(path, 'server/src')) return []
  const target = specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : ''
  const from = (...rooms: string[]) => rooms.some((room) => isIn(path, `server/src/${room}`))
  const to = (...rooms: string[]) => rooms.some((room) => isIn(target, `server/src/${room}`))
  const walls: string[] = []
  if (from('http') && to('store')) walls.push(`is http and imports the store: ${specifier}`)
  if (from('tasks') && to('http')) walls.push(`is policy and imports http: ${specifier}`)
  if (from('store') && to('http', 'tasks')) walls.push(`is the store and imports what is above it: ${specifier}`)
  if (!from('store') && ['kysely', 'node:sqlite', 'pg'].includes(packageName(specifier))) {
    walls.push(`is not the store and imports a database: ${specifier}`)
  }
  if (!from('http') && ['hono', '@hono/node-server'].includes(packageName(specifier))) {
    walls.push(`is not http and imports it: ${specifier}`)
  }
  return walls
}

function nameWalls({ path, names, members }: Source): string[] {
  const walls: string[] = []
  const uses = (forbidden: readonly string[]) =>
    forbidden.filter((name) => names.has(name) || members.has(`globalThis.${name}`))
  if (isIn(path, 'common/src') && !path.startsWith(PROGRAM_ROOM)) {
    walls.push(...uses(WORLDLY_NAMES).map((name) => `does I/O in common: ${name}`))
  }
  if (isIn(path, 'server/src/tasks', 'server/src/store')) {
    walls.push(...uses(TRANSPORT_NAMES).map((name) => `is below http and knows ${name}`))
  }
  if (path.includes('/src/') && !path.startsWith(PROGRAM_ROOM)) {
    const endings = ['process.exit', 'process.exitCode', 'process.abort'].filter((member) => members.has(member))
    walls.push(...endings.map((member) => `ends the process by itself: ${member}`))
  }
  return walls
}

/** The files under `src/` that neither an export nor a program of any package leads to, and entries without a file. */
export function unreachable(sources: readonly Source[], manifests: Manifests): string[] {
  const byPath = new Map(sources.map((source) => [source.path, source]))
  const entries = [...manifests].flatMap(([folder, { exports = {}, bin = {} }]) =>
    [...Object.values(exports), ...Object.values(bin)].map((file) => posix.join(folder, file)),
  )
  const reached = new Set<string>()
  const waiting = [...entries]
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const source = byPath.get(path)
    if (!source || reached.has(path)) continue
    reached.add(path)
    for (const specifier of source.imports) {
      const target = resolveImport(path, specifier, manifests)
      if (target !== null) waiting.push(target)
    }
  }
  const missing = entries.filter((path) => !byPath.has(path)).map((path) => `${path} is an entry and does not exist`)
  const orphans = sources.filter(({ path }) => path.includes('/src/') && !reached.has(path))
  return [...missing, ...orphans.map(({ path }) => `${path} is reached from no entry`)]
}
