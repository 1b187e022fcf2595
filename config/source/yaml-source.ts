// config.yaml as plain data that remembers where each value stands. Reads the document tree itself instead of toJS(), because
// messages need positions, ids need their digits as written (+49…, 18-digit numbers), and "key:" must differ from "key: null".
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Document, type Node } from 'yaml';
import type { ConfigProblem } from '../problems.ts';
import { formatPath, newSection, type ValuePath } from '../value-path.ts';

export interface Place {
  line: number;
  column: number;
}

export interface YamlSource {
  /** Sections, lists and scalars; an empty file is an empty section. */
  root: Record<string, unknown>;
  /** Where the key (of a map) or item (of a list) stands, by formatPath. */
  keys: ReadonlyMap<string, Place>;
  /** Where the value stands, by formatPath. */
  values: ReadonlyMap<string, Place>;
  /** Numbers exactly as written, by formatPath. */
  written: ReadonlyMap<string, string>;
  problems: readonly ConfigProblem[];
}

const MAX_DEPTH = 24;
const MAX_VALUES = 20_000;
const MAX_PROBLEMS = 200;

export const YAML_OPTIONS = { prettyErrors: false, stringKeys: true, logLevel: 'error' } as const;

/** Never throws: whatever is not a YAML map of sane size comes back as problems. */
export function readYaml(fileText: string): YamlSource {
  const lines = new LineCounter();
  const reader = makeReader(lines);
  // A byte order mark would shift the columns of line 1 by one.
  const text = fileText.replace(/^\ufeff/, '');
  try {
    const document = parseDocument(text, { ...YAML_OPTIONS, lineCounter: lines });
    for (const error of document.errors.slice(0, MAX_PROBLEMS))
      reader.fail(undefined, error.pos[0], yamlMessage(error, text));
    for (const warning of document.warnings.slice(0, MAX_PROBLEMS)) {
      reader.fail(undefined, warning.pos[0], `is not plain YAML: ${firstLine(warning.message)}`);
    }
    if (document.errors.length === 0) readRoot(document, reader);
  } catch (error) {
    const message = error instanceof RangeError ? 'is nested too deeply' : 'cannot be read as YAML';
    reader.fail(undefined, 0, message);
  }
  return reader;
}

interface Reader extends YamlSource {
  keys: Map<string, Place>;
  values: Map<string, Place>;
  written: Map<string, string>;
  problems: ConfigProblem[];
  count: number;
  place(offset: number): Place;
  fail(path: ValuePath | undefined, offset: number, message: string): void;
}

function makeReader(lines: LineCounter): Reader {
  const reader: Reader = {
    root: newSection(),
    keys: new Map(),
    values: new Map(),
    written: new Map(),
    problems: [],
    count: 0,
    place(offset) {
      const { line, col } = lines.linePos(offset);
      return { line: Math.max(1, line), column: Math.max(1, col) };
    },
    fail(path, offset, message) {
      if (reader.problems.length < MAX_PROBLEMS) {
        reader.problems.push({ path, source: { kind: 'file', ...reader.place(offset), variables: [] }, message });
      }
    },
  };
  return reader;
}

function readRoot(document: Document.Parsed, reader: Reader): void {
  const root = document.contents;
  if (root === null || (isScalar(root) && root.value === null)) return;
  if (!isMap(root)) {
    reader.fail(undefined, root.range?.[0] ?? 0, 'must be a map of sections such as "model:" and "gateway:"');
    return;
  }
  const value = readNode(document, root, [], reader);
  if (typeof value === 'object' && value !== null) Object.assign(reader.root, value);
}

function readNode(document: Document.Parsed, node: Node | null, path: ValuePath, reader: Reader): unknown {
  const offset = node?.range?.[0] ?? 0;
  reader.count++;
  if (path.length > MAX_DEPTH || reader.count > MAX_VALUES) {
    // An alias inside its own anchor, or a "billion laughs" file, ends here.
    if (reader.count <= MAX_VALUES + 1)
      reader.fail(path.slice(0, 4), offset, 'is nested too deeply or repeats itself too often');
    reader.count = MAX_VALUES + 1;
    return undefined;
  }
  if (isAlias(node)) {
    const target = node.resolve(document);
    return target === undefined ? undefined : readNode(document, target, path, reader);
  }
  if (isMap(node)) return readMap(document, node, path, reader);
  if (isSeq(node)) {
    return node.items.map((item, index) => {
      const itemPath = [...path, index];
      const itemNode = isNode(item) ? item : null;
      remember(reader, itemPath, itemNode?.range?.[0] ?? offset, itemNode);
      const value = readNode(document, itemNode, itemPath, reader);
      return value === undefined ? null : value;
    });
  }
  if (!isScalar(node)) return undefined;
  if (node.value === null && (node.source ?? '') === '') return undefined;
  if (typeof node.value === 'number' && node.source !== undefined) reader.written.set(formatPath(path), node.source);
  if (typeof node.value === 'bigint') return Number(node.value);
  return node.value;
}

function readMap(
  document: Document.Parsed,
  map: { items: { key: unknown; value: unknown }[] },
  path: ValuePath,
  reader: Reader,
) {
  const section = newSection();
  for (const { key, value } of map.items) {
    const keyOffset = isNode(key) ? (key.range?.[0] ?? 0) : 0;
    if (!isScalar(key) || typeof key.value !== 'string') {
      reader.fail(path, keyOffset, 'has a key that is no plain text');
      continue;
    }
    const valuePath = [...path, key.value];
    if (key.value === '__proto__') {
      // Checks that walk plain objects skip this name, so it would pass unseen.
      reader.fail(valuePath, keyOffset, 'this name cannot be used');
      continue;
    }
    const valueNode = isNode(value) ? value : null;
    remember(reader, valuePath, keyOffset, valueNode);
    const read = readNode(document, valueNode, valuePath, reader);
    if (read !== undefined) section[key.value] = read;
  }
  return section;
}

function remember(reader: Reader, path: ValuePath, keyOffset: number, value: Node | null): void {
  const name = formatPath(path);
  const place = reader.place(keyOffset);
  reader.keys.set(name, place);
  const offset = isScalar(value) || isAlias(value) ? value.range?.[0] : undefined;
  reader.values.set(name, offset === undefined ? place : reader.place(offset));
}

function isNode(value: unknown): value is Node {
  return isScalar(value) || isMap(value) || isSeq(value) || isAlias(value);
}

function yamlMessage(error: { code: string; message: string; pos: readonly [number, number] }, text: string): string {
  switch (error.code) {
    case 'DUPLICATE_KEY':
      return `${/^[\w-]*/.exec(text.slice(error.pos[0]))?.[0] || 'this key'} stands twice in its section: keep one of them`;
    case 'TAB_AS_INDENT':
      return 'indented by a tab: YAML takes spaces only';
    case 'MULTIPLE_DOCS':
      return 'a second document begins here (---): keep one';
    default:
      return `is not valid YAML: ${firstLine(error.message)}`;
  }
}

function firstLine(message: string): string {
  return message.split('\n', 1)[0] ?? message;
}
