import { type CallExpression, type NewExpression, type Node, SyntaxKind } from 'typescript/unstable/ast'
import { createVirtualFileSystem } from 'typescript/unstable/fs'
import { API, type Checker } from 'typescript/unstable/sync'

/** What the rules look at in one source file. */
export interface Source {
  /** From the root of the project, with `/`. */
  readonly path: string
  /** Every module named by an import, an export, an `import()`, a type or `new URL(..., import.meta.url)`. */
  readonly imports: readonly string[]
  /** Global names that the file uses: `process`, `fetch`, `Request`. */
  readonly names: ReadonlySet<string>
  /** Members taken from a name, such as `process.exit`. */
  readonly members: ReadonlySet<string>
}

/** Stands for a module's name that is only known at run time, and could be any. */
export const COMPUTED = '(computed)'

const ROOT = '/project'

/**
 * Reads source texts with TypeScript's own parser, so that what stands in comments and strings counts for nothing.
 *
 * @param texts - Text by path from the root of the project.
 */
export function readSources(texts: ReadonlyMap<string, string>): Source[] {
  const compilerOptions = { noLib: true, noResolve: true, allowJs: true, module: 'nodenext', types: [] }
  const files = Object.fromEntries([...texts].map(([path, text]) => [`${ROOT}/${path}`, text]))
  const config = JSON.stringify({ compilerOptions, files: [...texts.keys()] })
  const api = new API({ cwd: ROOT, fs: createVirtualFileSystem({ ...files, [`${ROOT}/tsconfig.json`]: config }) })
  try {
    const [project] = api.updateSnapshot({ openProjects: [`${ROOT}/tsconfig.json`] }).getProjects()
    return [...texts.keys()].map((path) => {
      const file = project?.program.getSourceFile(`${ROOT}/${path}`)
      if (!project || !file) throw new Error(`TypeScript can't read ${path}`)
      return readSource(path, file, project.checker)
    })
  } finally {
    api.close()
  }
}

function readSource(path: string, file: Node, checker: Checker): Source {
  const imports: string[] = []
  const identifiers: Node[] = []
  const members = new Set<string>()
  const visit = (node: Node): void => {
    const module = importedBy(node)
    if (module !== null) imports.push(module)
    if (node.kind === SyntaxKind.Identifier && !isMemberName(node)) identifiers.push(node)
    const member = memberOf(node)
    if (member !== null) members.add(member)
    node.forEachChild(visit)
  }
  visit(file)
  // Without TypeScript's own libraries no global is declared anywhere.
  const symbols = checker.getSymbolAtLocation(identifiers)
  const names = new Set(identifiers.filter((_, index) => (symbols[index]?.declarations.length ?? 0) === 0).map(textOf))
  return { path, imports, names, members }
}

const textOf = (node: Node): string => ('text' in node && typeof node.text === 'string' ? node.text : '')

const childrenOf = (node: Node): Node[] => {
  const children: Node[] = []
  node.forEachChild((child) => void children.push(child))
  return children
}

/** The module that a node names, or null. */
function importedBy(node: Node): string | null {
  switch (node.kind) {
    case SyntaxKind.ImportDeclaration:
    case SyntaxKind.ExportDeclaration:
    case SyntaxKind.JSImportDeclaration: {
      const module = childrenOf(node).find((child) => child.kind === SyntaxKind.StringLiteral)
      return module ? textOf(module) : null
    }
    case SyntaxKind.ImportType: {
      const literal = childrenOf(node)[0]
      const module = literal && childrenOf(literal)[0]
      return module ? textOf(module) : null
    }
    case SyntaxKind.CallExpression: {
      const call = node as CallExpression
      const names = call.expression.kind === SyntaxKind.ImportKeyword || textOf(call.expression) === 'require'
      return names ? literalOf(call.arguments[0]) : null
    }
    case SyntaxKind.NewExpression: {
      const { expression, arguments: [first, second] = [] } = node as NewExpression
      const isModule = textOf(expression) === 'URL' && second !== undefined && isImportMetaUrl(second)
      return isModule ? literalOf(first) : null
    }
    default:
      return null
  }
}

function literalOf(node: Node | undefined): string {
  return node?.kind === SyntaxKind.StringLiteral ? textOf(node) : COMPUTED
}

function isImportMetaUrl(node: Node): boolean {
  const [object, name] = childrenOf(node)
  return object?.kind === SyntaxKind.MetaProperty && name !== undefined && textOf(name) === 'url'
}

/** Whether an identifier only names a member: the `process` of `event.process`. */
function isMemberName(node: Node): boolean {
  const second = childrenOf(node.parent)[1]
  return [SyntaxKind.PropertyAccessExpression, SyntaxKind.QualifiedName].includes(node.parent.kind) && node === second
}

/** `process.exit` for that expression, or null. */
function memberOf(node: Node): string | null {
  if (node.kind !== SyntaxKind.PropertyAccessExpression) return null
  const [object, name] = childrenOf(node)
  return object?.kind === SyntaxKind.Identifier && name ? `${textOf(object)}.${textOf(name)}` : null
}
