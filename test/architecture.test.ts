import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { VERSION } from '../packages/common/src/version.ts'
import { brokenWalls, type Manifest, type Manifests, unreachable } from './architecture/rules.ts'
import { readSources } from './architecture/sources.ts'

const ROOT = join(import.meta.dirname, '..')
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')
const find = (pattern: string) => globSync(pattern, { cwd: ROOT }).map((path) => path.replaceAll('\\', '/'))

type WholeManifest = Manifest & { readonly version: string }
const manifests = new Map(
  find('packages/*/package.json').map((path) => [
    path.replace('/package.json', ''),
    JSON.parse(read(path)) as WholeManifest,
  ]),
)
const files = [...find('packages/*/src/**/*.ts'), ...find('packages/*/bin/*.js')]
const sources = readSources(new Map(files.map((path) => [path, read(path)])))

test('no file breaks through a wall of the house', () => {
  expect(sources.length).toBeGreaterThan(10)
  expect(sources.flatMap((source) => brokenWalls(source, manifests))).toEqual([])
})

test('every source file is reached from an export or a program, and every one of those exists', () => {
  expect(unreachable(sources, manifests)).toEqual([])
})

test('the packages carry one version, which the programs show', () => {
  expect([...manifests.values()].map(({ name, version }) => [name, version])).toEqual(
    [...manifests.values()].map(({ name }) => [name, VERSION]),
  )
})

/** A small house to break. */
const EXAMPLE: Manifests = new Map<string, Manifest>([
  ['packages/common', { name: '@mailseal/common', exports: { '.': './src/index.ts' }, dependencies: { hpke: '1' } }],
  [
    'packages/server',
    {
      name: '@mailseal/server',
      bin: { server: 'bin/server.js' },
      dependencies: { '@mailseal/common': '1', kysely: '1', hono: '1', '@mailseal/agent': '1' },
    },
  ],
  ['packages/agent', { name: '@mailseal/agent', dependencies: { '@mailseal/common': '1' } }],
])

const COMMON = 'packages/common/src/crl/file.ts'
const PROGRAM = 'packages/common/src/program/file.ts'
const AGENT = 'packages/agent/src/file.ts'
const HTTP = 'packages/server/src/http/file.ts'
const TASKS = 'packages/server/src/tasks/file.ts'
const STORE = 'packages/server/src/store/file.ts'

const BREAKING: [path: string, text: string, what: string][] = [
  [COMMON, `import { readFile } from 'node:fs/promises'`, 'does I/O in common: node:fs/promises'],
  [COMMON, `import type { Server } from 'node:http'`, 'does I/O in common: node:http'],
  [COMMON, `export * from 'node:child_process'`, 'does I/O in common: node:child_process'],
  [COMMON, `const net = await import('node:net')`, 'does I/O in common: node:net'],
  [COMMON, `type Socket = import('node:net').Socket`, 'does I/O in common: node:net'],
  [COMMON, `const home = process.env.HOME`, 'does I/O in common: process'],
  [COMMON, `await fetch('http://example.org')`, 'does I/O in common: fetch'],
  [COMMON, `const send = globalThis.fetch`, 'does I/O in common: fetch'],
  [COMMON, `import { nodeIo } from '../program/io.ts'`, 'imports the room program/: ../program/io.ts'],
  [COMMON, `import '@mailseal/agent'`, `imports what its package doesn't declare: @mailseal/agent`],
  [COMMON, `import 'hono'`, `imports what its package doesn't declare: hono`],
  [COMMON, `await import(name)`, `imports what its package doesn't declare: (computed)`],
  [AGENT, `import { CipherSuite } from 'hpke'`, `imports what its package doesn't declare: hpke`],
  [AGENT, `import 'fs'`, `imports what its package doesn't declare: fs`],
  [AGENT, `import { x } from '../../common/src/errors.ts'`, 'leaves its package: ../../common/src/errors.ts'],
  [
    AGENT,
    `import { x } from '@mailseal/common/src/errors.ts'`,
    `imports what common doesn't export: @mailseal/common/src/errors.ts`,
  ],
  [AGENT, `process.exit(1)`, 'ends the process by itself: process.exit'],
  [AGENT, `process.exitCode = 1`, 'ends the process by itself: process.exitCode'],
  [HTTP, `import '@mailseal/agent'`, 'imports another package than common: @mailseal/agent'],
  [HTTP, `import type { Store } from '../store/store.ts'`, 'is http and imports the store: ../store/store.ts'],
  [TASKS, `import { route } from '../http/route.ts'`, 'is policy and imports http: ../http/route.ts'],
  [TASKS, `import { Kysely } from 'kysely'`, 'is not the store and imports a database: kysely'],
  [TASKS, `import { DatabaseSync } from 'node:sqlite'`, 'is not the store and imports a database: node:sqlite'],
  [TASKS, `import type { Context } from 'hono'`, 'is not http and imports it: hono'],
  [TASKS, `export const revoke = (request: Request) => request`, 'is below http and knows Request'],
  [
    STORE,
    `import { revoke } from '../tasks/revoke.ts'`,
    'is the store and imports what is above it: ../tasks/revoke.ts',
  ],
]

const ALLOWED: [path: string, text: string][] = [
  [COMMON, `// import 'node:fs'\nconst text = "import 'node:fs'"\nconst more = \`\${1} import 'node:net'\``],
  [COMMON, `import { Buffer } from 'node:buffer'\nimport { suite } from 'hpke'\nimport { x } from './other.ts'`],
  [COMMON, `const kind = { process: 1 }.process\nexport interface Options { readonly fetch: typeof kind }`],
  [COMMON, `export type Fetch = typeof globalThis.fetch\nexport const get = (fetch: Fetch) => fetch('x')`],
  [PROGRAM, `import { open } from 'node:fs/promises'\nprocess.exitCode = 1`],
  [AGENT, `import { DatabaseSync } from 'node:sqlite'\nimport { x } from '@mailseal/common'`],
  [HTTP, `import { Hono } from 'hono'\nimport { revoke } from '../tasks/revoke.ts'`],
  [TASKS, `import type { Store } from '../store/store.ts'\nexport const request: { Request: 1 } | null = null`],
  [STORE, `import { Kysely } from 'kysely'\nimport { DatabaseSync } from 'node:sqlite'`],
]

/** Reads all examples in one go, each in a folder of its own, and gives them back under the paths they stand for. */
function readExamples(examples: readonly (readonly [path: string, text: string, what?: string])[]) {
  const texts = new Map(examples.map(([path, text], index) => [`${index}/${path}`, text]))
  return readSources(texts).map((source) => ({ ...source, path: source.path.replace(/^\d+\//, '') }))
}

test('every way through a wall is noticed', () => {
  const found = readExamples(BREAKING).map((source) => brokenWalls(source, EXAMPLE))
  expect(found).toEqual(BREAKING.map(([path, , what]) => [`${path} ${what}`]))
})

test('what breaks through no wall is allowed', () => {
  const found = readExamples(ALLOWED).map((source) => brokenWalls(source, EXAMPLE))
  expect(found).toEqual(ALLOWED.map(() => []))
})

test('an orphan and a missing entry are noticed', () => {
  const house = readSources(
    new Map([
      [
        'packages/server/bin/server.js',
        `import '@mailseal/common'\nawait launch(new URL('../src/main.ts', import.meta.url))`,
      ],
      ['packages/server/src/main.ts', `import type { A } from './a.ts'`],
      ['packages/server/src/a.ts', `const b = await import('./b.ts')`],
      ['packages/server/src/b.ts', `// import './orphan.ts'`],
      ['packages/server/src/orphan.ts', `import './b.ts'`],
    ]),
  )
  expect(unreachable(house, EXAMPLE)).toEqual([
    'packages/common/src/index.ts is an entry and does not exist',
    'packages/server/src/orphan.ts is reached from no entry',
  ])
})
