// The project as the architecture rules see it: every TypeScript file parsed once into the facts that rules ask for. Works over a
// virtual tree (path → text), so that each rule can be shown a seeded violation.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseSync } from 'oxc-parser';
import { BUILT_FOLDERS } from '../../packaging/build.ts';
import { childrenOf, isNode, type AstNode } from './ast.ts';

/** Folders that ship. */
export const PRODUCT_FOLDERS: readonly string[] = [...BUILT_FOLDERS, 'research'];

const TEST_FOLDERS: readonly string[] = ['tests', 'bench'];

export interface ImportFact {
  /** As written. */
  specifier: string;
  /** Path in the tree for relative imports, undefined for packages. */
  file: string | undefined;
  /** Package name without subpath, undefined for relative imports. */
  package: string | undefined;
  /** static: loads with the file · type: erased · dynamic: `import()` while running · reexport: `export … from`. */
  kind: 'static' | 'type' | 'dynamic' | 'reexport';
  line: number;
}

export interface SourceFile {
  path: string;
  text: string;
  lines: number;
  program: AstNode;
  imports: readonly ImportFact[];
  lineOf(node: AstNode): number;
}

export interface Project {
  files: ReadonlyMap<string, SourceFile>;
  /** Files that ship, in order of their paths. */
  product: readonly SourceFile[];
  /** Ids of platforms: folders of adapters/ with a manifest. */
  platforms: readonly string[];
}

export interface Violation {
  file: string;
  line: number;
  message: string;
}

export interface Rule {
  name: string;
  check(project: Project): Violation[];
}

/** Parses a tree. Throws on a syntax error, since a file that is not seen is a file that is not checked. */
export function makeProject(tree: ReadonlyMap<string, string>): Project {
  const files = new Map<string, SourceFile>();
  for (const [file, text] of [...tree].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    if (file.endsWith('.ts')) files.set(file, parseFile(file, text));
  }
  const product = [...files.values()].filter((file) => PRODUCT_FOLDERS.includes(topFolder(file.path)));
  const platforms = product.flatMap((file) => /^adapters\/([^/]+)\/manifest\.ts$/.exec(file.path)?.[1] ?? []);
  return { files, product, platforms };
}

/** All TypeScript files of the checkout at `root`. */
export function readTree(root: string): Map<string, string> {
  const tree = new Map<string, string>();
  for (const folder of [...PRODUCT_FOLDERS, ...TEST_FOLDERS]) {
    // Some folders of the layout come with their features.
    if (!existsSync(path.join(root, folder))) continue;
    const entries = readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true });
    for (const entry of entries) {
      if (!entry.isFile() || !entry.name.endsWith('.ts')) continue;
      const absolute = path.join(entry.parentPath, entry.name);
      tree.set(path.relative(root, absolute).split(path.sep).join('/'), readFileSync(absolute, 'utf8'));
    }
  }
  return tree;
}

export function topFolder(file: string): string {
  return file.split('/', 1)[0] ?? file;
}

/** The file with all that it loads at once when it is imported, itself first: static imports only, each with how it was reached. */
export function eagerClosure(project: Project, entry: string): Map<string, readonly string[]> {
  const reached = new Map<string, readonly string[]>([[entry, [entry]]]);
  for (const [file, trail] of reached) {
    for (const fact of project.files.get(file)?.imports ?? []) {
      const isEager = fact.kind === 'static' || fact.kind === 'reexport';
      if (isEager && fact.file !== undefined && !reached.has(fact.file)) reached.set(fact.file, [...trail, fact.file]);
    }
  }
  return reached;
}

function parseFile(file: string, text: string): SourceFile {
  const parsed = parseSync(file, text, { lang: 'ts', sourceType: 'module' });
  const first = parsed.errors[0];
  if (first !== undefined) throw new Error(`${file}: ${first.message}`);
  const program: unknown = parsed.program;
  if (!isNode(program)) throw new Error(`${file}: no program`);
  const starts = [0, ...[...text.matchAll(/\n/g)].map((match) => match.index + 1)];
  const lineOf = (node: AstNode) => starts.findLastIndex((start) => start <= node.start) + 1;
  const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
  return { path: file, text, lines, program, imports: readImports(file, program, lineOf), lineOf };
}

function readImports(file: string, program: AstNode, lineOf: (node: AstNode) => number): ImportFact[] {
  const facts: ImportFact[] = [];
  const add = (node: AstNode, source: unknown, kind: ImportFact['kind']) => {
    const specifier = isNode(source) ? source['value'] : undefined;
    if (typeof specifier !== 'string') return;
    const isRelative = specifier.startsWith('.');
    facts.push({
      specifier,
      file: isRelative ? path.posix.normalize(path.posix.join(path.posix.dirname(file), specifier)) : undefined,
      package: isRelative ? undefined : packageOf(specifier),
      kind,
      line: lineOf(node),
    });
  };
  const visit = (node: AstNode) => {
    if (node.type === 'ImportDeclaration') add(node, node['source'], isTypeImport(node) ? 'type' : 'static');
    else if (node.type === 'ExportAllDeclaration')
      add(node, node['source'], node['exportKind'] === 'type' ? 'type' : 'reexport');
    else if (node.type === 'ExportNamedDeclaration')
      add(node, node['source'], isTypeExport(node) ? 'type' : 'reexport');
    else if (node.type === 'ImportExpression') add(node, node['source'], 'dynamic');
    else if (node.type === 'TSImportType') add(node, node['source'] ?? node['argument'], 'type');
    else if (node.type === 'TSExternalModuleReference') add(node, node['expression'], 'static');
    for (const child of childrenOf(node)) visit(child);
  };
  visit(program);
  return facts;
}

/** `import type …`, and `import { type A, type B }` where nothing else comes in. */
function isTypeImport(node: AstNode): boolean {
  if (node['importKind'] === 'type') return true;
  const specifiers: unknown = node['specifiers'];
  return (
    Array.isArray(specifiers) &&
    specifiers.length > 0 &&
    specifiers.every((entry) => isNode(entry) && entry['importKind'] === 'type')
  );
}

function isTypeExport(node: AstNode): boolean {
  return node['exportKind'] === 'type';
}

function packageOf(specifier: string): string {
  const [first = specifier, second] = specifier.split('/');
  return first.startsWith('@') && second !== undefined ? `${first}/${second}` : first;
}
