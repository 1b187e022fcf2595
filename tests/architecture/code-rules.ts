// Rules about what stands in a file: names of platforms, side effects, exports, escapes from the type system, sizes.
import { childrenOf, findNodes, identifierName, isFunction, isNode, memberKey, type AstNode } from './ast.ts';
import type { Project, Rule, SourceFile, Violation } from './project.ts';
import { topFolder } from './project.ts';

const MAX_FILE_LINES = 400;
const MAX_FUNCTION_LINES = 80;
const MAX_FOLDER_FILES = 15;

/** Files over the limit, with the size they had: may only shrink, and leave the list once they fit. */
export const LONG_FILES: Readonly<Record<string, number>> = {};

/** Folders that hold one small file per thing of a kind, with the most they may hold. */
const FULL_FOLDERS: Readonly<Record<string, number>> = {
  // One file per slash command.
  'gateway/commands': 45,
};

/** Casts that make a branded value, which nothing else can: how many each file may hold. May only shrink. */
const BRAND_CASTS: Readonly<Record<string, number>> = {
  'shared/ids.ts': 11,
  'data/scope.ts': 1,
  'data/db.ts': 1,
};

/** Programs, not modules: they run when they are loaded. */
const ENTRY_POINTS: readonly string[] = ['cli/main.ts'];

/** Platform ids that are words of everyday code too; for these only a text that is exactly the id counts. */
const EVERYDAY_IDS: readonly string[] = [
  'web',
  'terminal',
  'signal',
  'email',
  'matrix',
  'line',
  'sms',
  'irc',
  'webhook',
  'api',
];

/** Folders where such a word is the name of something else: models know the tool that runs commands as `terminal`. */
const OTHER_MEANINGS: Readonly<Record<string, string>> = { 'agent/tools/terminal/': 'terminal' };

/** The core knows capabilities, never a platform's name. */
export const platformNames: Rule = {
  name: 'platform names',
  check(project) {
    const violations: Violation[] = [];
    for (const file of project.product) {
      if (file.path === 'adapters/manifests.ts') continue;
      const meant = Object.entries(OTHER_MEANINGS).find(([folder]) => file.path.startsWith(folder))?.[1];
      const foreign = project.platforms.filter((id) => !file.path.startsWith(`adapters/${id}/`) && id !== meant);
      const typeWords = new Set(findNodes(file.program, (node) => node.type === 'TSLiteralType').flatMap(childrenOf));
      for (const node of findNodes(file.program, isNaming)) {
        const text = namedText(node);
        const id = foreign.find(
          (candidate) =>
            namesPlatform(text, candidate, node.type) &&
            // Such as Pick<Options, 'signal'>.
            !(EVERYDAY_IDS.includes(candidate) && typeWords.has(node)),
        );
        if (id !== undefined)
          violations.push({
            file: file.path,
            line: file.lineOf(node),
            message: `names the platform ${id}: ${text.slice(0, 60)}`,
          });
      }
    }
    return violations;
  },
};

/** `process.env` is read by config/ alone. */
export const environment: Rule = {
  name: 'process.env',
  check: (project) =>
    forNodes(project, (file, node) => {
      if (topFolder(file.path) === 'config') return undefined;
      const isMember =
        memberKey(node) === 'env' && ['process', 'globalThis.process'].includes(textOf(file, node['object']));
      const isPicked =
        node.type === 'VariableDeclarator' &&
        identifierName(node['init']) === 'process' &&
        /\benv\b/.test(textOf(file, node['id']));
      const isImported =
        node.type === 'ImportDeclaration' &&
        /^(node:)?process$/.test(sourceOf(node)) &&
        /\benv\b/.test(textOf(file, node));
      return isMember || isPicked || isImported
        ? 'the environment is read by config/ alone: take the value as a parameter'
        : undefined;
    }),
};

/** Import from the owner: no `export *`, no `export … from`, no default exports. */
export const plainExports: Rule = {
  name: 'plain exports',
  check: (project) =>
    forNodes(project, (_, node) => {
      if (node.type === 'ExportAllDeclaration') return 'no export *: import from the owner';
      if (node.type === 'ExportDefaultDeclaration') return 'no default export: give it a name';
      if (node.type !== 'ExportNamedDeclaration') return undefined;
      if (isNode(node['source'])) return 'no re-export: import from the owner';
      const specifiers: unknown = node['specifiers'];
      const isDefault =
        Array.isArray(specifiers) &&
        specifiers.some((entry) => isNode(entry) && identifierName(entry['exported']) === 'default');
      return isDefault ? 'no default export: give it a name' : undefined;
    }),
};

/** Importing a file does nothing. */
export const importEffects: Rule = {
  name: 'no effects on import',
  check(project) {
    const violations: Violation[] = [];
    for (const file of project.product) {
      if (ENTRY_POINTS.includes(file.path)) continue;
      for (const statement of childrenOf(file.program)) {
        const message = explainEffect(file, statement);
        if (message !== undefined) violations.push({ file: file.path, line: file.lineOf(statement), message });
      }
    }
    return violations;
  },
};

/** No `any`, no `!`, no suppressed type errors. */
export const typeEscapes: Rule = {
  name: 'type escapes',
  check(project) {
    const violations = forNodes(project, (_, node) => {
      if (node.type === 'TSAnyKeyword') return 'no any: unknown, or the real type';
      return node.type === 'TSNonNullExpression' || node['definite'] === true
        ? 'no !: handle the missing case'
        : undefined;
    });
    for (const file of project.product) {
      for (const match of file.text.matchAll(/@ts-(ignore|nocheck|expect-error)/g)) {
        violations.push({
          file: file.path,
          line: file.text.slice(0, match.index).split('\n').length,
          message: `no ${match[0]}`,
        });
      }
    }
    return violations;
  },
};

/** No unchecked `as`; `as const` is none, and brands have a list. */
export const casts: Rule = {
  name: 'casts',
  check(project) {
    const violations = forNodes(project, (file, node) => {
      const isCast =
        node.type === 'TSTypeAssertion' ||
        (node.type === 'TSAsExpression' && textOf(file, node['typeAnnotation']) !== 'const');
      return isCast ? 'no unchecked as: narrow with a check, or parse' : undefined;
    });
    const perFile = Map.groupBy(violations, (violation) => violation.file);
    return [...perFile].flatMap(([file, found]) => (found.length <= (BRAND_CASTS[file] ?? 0) ? [] : found));
  },
};

export const fileSizes: Rule = {
  name: 'file sizes',
  check: (project) => checkFileSizes(project, LONG_FILES),
};

/** The rule with its list of exceptions as a parameter, so that the list's own rules can be shown. */
export function checkFileSizes(project: Project, exceptions: Readonly<Record<string, number>>): Violation[] {
  const violations: Violation[] = [];
  for (const file of project.product) {
    const allowed = exceptions[file.path] ?? MAX_FILE_LINES;
    if (file.lines > allowed)
      violations.push({ file: file.path, line: 1, message: `${file.lines} lines, at most ${allowed}: split by owner` });
  }
  for (const [name, lines] of Object.entries(exceptions)) {
    const now = project.files.get(name)?.lines ?? 0;
    if (now <= MAX_FILE_LINES)
      violations.push({ file: name, line: 1, message: 'fits now: take it off the list of exceptions' });
    else if (now < lines)
      violations.push({ file: name, line: 1, message: `has ${now} lines now: lower its exception from ${lines}` });
  }
  return violations;
}

/** Lines of a function without those of functions inside it, so that a maker of closures counts as what it is. */
export const functionSizes: Rule = {
  name: 'function sizes',
  check: (project) =>
    forNodes(project, (file, node) => {
      if (!isFunction(node)) return undefined;
      const lines = ownLines(file, node);
      return lines > MAX_FUNCTION_LINES ? `a function of ${lines} lines, at most ${MAX_FUNCTION_LINES}` : undefined;
    }),
};

export const folderSizes: Rule = {
  name: 'folder sizes',
  check(project) {
    const folders = Map.groupBy(project.product, (file) => file.path.slice(0, file.path.lastIndexOf('/')));
    return [...folders].flatMap(([folder, files]) => {
      const most = FULL_FOLDERS[folder] ?? MAX_FOLDER_FILES;
      if (files.length <= most) return [];
      return [{ file: folder, line: 1, message: `${files.length} files, at most ${most}: make a subfolder by owner` }];
    });
  },
};

/** Dependencies come in by parameter, so no test replaces a module. */
export const noModuleMocks: Rule = {
  name: 'no module mocks',
  check(project) {
    const tests = [...project.files.values()].filter((file) => topFolder(file.path) === 'tests');
    return tests.flatMap((file) =>
      findNodes(
        file.program,
        (node) => node.type === 'CallExpression' && /^vi\.(do)?(un)?[mM]ock$/.test(textOf(file, node['callee'])),
      ).map((node) => ({
        file: file.path,
        line: file.lineOf(node),
        message: 'no module mocks: pass the dependency in',
      })),
    );
  },
};

function forNodes(project: Project, judge: (file: SourceFile, node: AstNode) => string | undefined): Violation[] {
  const violations: Violation[] = [];
  for (const file of project.product) {
    for (const node of findNodes(file.program, () => true)) {
      const message = judge(file, node);
      if (message !== undefined) violations.push({ file: file.path, line: file.lineOf(node), message });
    }
  }
  return violations;
}

function isNaming(node: AstNode): boolean {
  if (node.type === 'Literal') return typeof node['value'] === 'string';
  return node.type === 'TemplateElement' || node.type === 'Identifier';
}

function namedText(node: AstNode): string {
  if (node.type === 'Identifier') return identifierName(node) ?? '';
  const value: unknown = node['value'];
  if (typeof value === 'string') return value;
  return typeof value === 'object' && value !== null && 'cooked' in value ? String(value.cooked) : '';
}

function namesPlatform(text: string, id: string, type: string): boolean {
  if (EVERYDAY_IDS.includes(id)) return type !== 'Identifier' && text === id;
  // Words of camelCase, kebab-case and sentences alike.
  const words = text.replace(/([a-z0-9])([A-Z])/g, '$1 $2').toLowerCase();
  return new RegExp(`(^|[^a-z0-9])${id}([^a-z0-9]|$)`).test(words);
}

const HARMLESS = [
  'ImportDeclaration',
  'FunctionDeclaration',
  'ClassDeclaration',
  'VariableDeclaration',
  'ExportNamedDeclaration',
  'ExportAllDeclaration',
  'ExportDefaultDeclaration',
  'EmptyStatement',
];

/** What a module may not call while it loads, even to fill a constant. */
const EFFECTS =
  /^(process\.(?!versions\b)|set(Timeout|Interval|Immediate)$|queueMicrotask$|fetch$|(fs\.)?(read|write|append|mkdir|mkdtemp|open|rm|unlink|exists|stat|readdir|copy)\w*Sync$|(exec|execFile|spawn|fork)(Sync)?$|create(Server|Connection)$)/;

function explainEffect(file: SourceFile, statement: AstNode): string | undefined {
  if (statement.type === 'ImportDeclaration') {
    const specifiers: unknown = statement['specifiers'];
    return Array.isArray(specifiers) && specifiers.length === 0 && statement['importKind'] !== 'type'
      ? 'an import for its effects'
      : undefined;
  }
  if (statement.type === 'ExpressionStatement' && typeof statement['directive'] === 'string') return undefined;
  if (!HARMLESS.includes(statement.type) && !statement.type.startsWith('TS')) return 'runs when the file is imported';
  const awaits = findNodes(
    statement,
    (node) => node.type === 'AwaitExpression',
    (node) => !isFunction(node),
  );
  if (awaits.length > 0 && !isFunction(statement)) return 'waits when the file is imported';
  const calls = findNodes(
    statement,
    (node) => node.type === 'CallExpression',
    (node) => !isFunction(node) && node.type !== 'ClassBody',
  );
  const effect = isFunction(statement)
    ? undefined
    : calls.map((call) => textOf(file, call['callee'])).find((callee) => EFFECTS.test(callee));
  return effect === undefined ? undefined : `calls ${effect} when the file is imported`;
}

function ownLines(file: SourceFile, node: AstNode): number {
  const inner = findNodes(
    node,
    (other) => other !== node && isFunction(other),
    (other) => !isFunction(other),
  );
  const span = (part: AstNode) => file.text.slice(part.start, part.end).split('\n').length;
  // A nested function leaves its first line behind.
  return span(node) - inner.reduce((sum, part) => sum + span(part) - 1, 0);
}

function textOf(file: SourceFile, node: unknown): string {
  return isNode(node) ? file.text.slice(node.start, node.end) : '';
}

function sourceOf(node: AstNode): string {
  const source = node['source'];
  return isNode(source) && typeof source['value'] === 'string' ? source['value'] : '';
}
