// Changes to config.yaml and .env that keep everything else in them: comments, order, blank lines. A change that would make the
// configuration worse is refused before anything is written.
import path from 'node:path';
import { isCollection, isScalar, isSeq, parse, parseDocument, Scalar, type Document } from 'yaml';
import { AppError } from '../shared/errors.ts';
import { makeRedactor } from '../shared/redact.ts';
import { parseDotenv, setDotenv } from './source/dotenv.ts';
import { readSmallFile, replaceFile } from './source/files.ts';
import { readConfigFiles, type ConfigFiles, type LoadOptions } from './load.ts';
import { parseConfig, type ParsedConfig } from './parse.ts';
import { problemsError } from './problems.ts';
import { parsePath } from './value-path.ts';
import { problemKey } from './validate.ts';
import { YAML_OPTIONS } from './source/yaml-source.ts';

type EditOptions = Pick<LoadOptions, 'env' | 'manifests'>;

/** A value as typed on the command line: YAML, so that 8080 is a number, true a switch and [a, b] a list; else the text itself. */
export function readTypedValue(typed: string): unknown {
  const text = typed.trim();
  if (text === '') return typed;
  try {
    const value: unknown = parse(text, { ...YAML_OPTIONS, maxAliasCount: 0 });
    if (typeof value !== 'number' || String(value) === text) return value;
    // "+491234" and "007" are numbers to YAML and ids to people; "4.10" may be a price or a version: it is kept as written.
    const decimals = /^-?\d+\.(\d+)$/.exec(text)?.[1];
    return decimals === undefined ? typed : Object.assign(new Scalar(value), { minFractionDigits: decimals.length });
  } catch {
    return typed;
  }
}

/** Sets one setting; see setConfigValues. */
export async function setConfigValue(
  home: string,
  dottedKey: string,
  value: unknown,
  options: EditOptions,
): Promise<void> {
  await setConfigValues(home, new Map([[dottedKey, value]]), options);
}

/**
 * Sets settings by dotted key in config.yaml of `home`, making file and sections as needed; undefined removes one. All or none: rejects
 * with AppError `config_invalid` when the result has a problem that was not there before (nothing is written then), `bad_input` when
 * a key is no dotted name, `home_unwritable` or `disk_full`. Not meant for two writers at once: the last one wins.
 */
export async function setConfigValues(
  home: string,
  values: ReadonlyMap<string, unknown>,
  options: EditOptions,
): Promise<void> {
  const changes = [...values].map(([key, value]) => ({ keys: parsePath(key), value }));
  const files = await readConfigFiles({ home, env: options.env });
  const before = check(files, files.yaml.text, options);
  const document = parseDocument(files.yaml.text, YAML_OPTIONS);
  if (document.errors.length > 0) throw problemsError(before.problems, files.file, makeRedactor(before.secrets));
  for (const { keys, value } of changes) changeDocument(document, keys, value);
  const text = document.toString({ lineWidth: 0 });
  const known = new Set(before.problems.map(problemKey));
  const after = check(files, text, options);
  const added = after.problems.filter((problem) => !known.has(problemKey(problem)));
  if (added.length > 0) throw problemsError(added, files.file, makeRedactor(after.secrets));
  await replaceFile(files.file, text);
}

/**
 * Sets `name` in .env of `home` (mode 0600), keeping all other lines; undefined removes it. Rejects with AppError `bad_input` for a name
 * or value that cannot be stored, `config_unreadable`, `home_unwritable` or `disk_full`.
 */
export async function setSecret(home: string, name: string, value: string | undefined): Promise<void> {
  const envFile = path.join(path.resolve(home), '.env');
  const text = setDotenv((await readSmallFile(envFile)).text, name, value);
  // A broken line above, such as a quote that never closes, would swallow the new one.
  const stored = parseDotenv(text).entries.findLast((entry) => entry.name === name)?.value;
  if (stored !== value)
    throw new AppError('bad_input', `${envFile} cannot take ${name}: another line of it is broken. Correct it first.`);
  await replaceFile(envFile, text);
}

function check(files: ConfigFiles, text: string, options: EditOptions): ParsedConfig {
  return parseConfig({ text, manifests: options.manifests, variables: files.variables, overrides: [] });
}

function changeDocument(document: Document, keys: readonly string[], value: unknown): void {
  if (document.contents === null || (isScalar(document.contents) && document.contents.value === null)) {
    const { commentBefore, comment } = document.contents ?? {};
    document.contents = document.createNode({});
    document.commentBefore ??= commentBefore ?? comment ?? null;
  }
  const nodePath = listIndexes(document, keys);
  if (value === undefined) {
    document.deleteIn(nodePath);
    return;
  }
  clearBlockers(document, nodePath);
  const old = document.getIn(nodePath, true);
  const isPlainValue = typeof value !== 'object' || value === null;
  // Changing the old scalar in place keeps its comment and its quotes.
  if (isScalar(old) && isPlainValue && typeof old.value === typeof value) old.value = value;
  else {
    const node = document.createNode(value);
    if (isScalar(old) || isCollection(old)) node.comment = old.comment ?? null;
    document.setIn(nodePath, node);
  }
}

/** Keys that stand in a list are positions. */
function listIndexes(document: Document, keys: readonly string[]): (string | number)[] {
  const nodePath: (string | number)[] = [];
  for (const key of keys) {
    const parent = nodePath.length === 0 ? document.contents : document.getIn(nodePath, true);
    const isList = isSeq(parent);
    nodePath.push(isList && /^\d+$/.test(key) ? Number(key) : key);
  }
  return nodePath;
}

/** An empty section ("gateway:" with nothing under it) is null to YAML and cannot hold the new key. */
function clearBlockers(document: Document, nodePath: readonly (string | number)[]): void {
  for (let length = 1; length < nodePath.length; length++) {
    const part = nodePath.slice(0, length);
    const node = document.getIn(part, true);
    if (isScalar(node) && node.value === null) {
      const section = document.createNode({});
      section.comment = node.comment ?? null;
      document.setIn(part, section);
    } else if (node !== undefined && !isCollection(node)) {
      throw new AppError('bad_input', `${part.join('.')} holds a single value, so nothing can be set inside it.`);
    }
  }
}
