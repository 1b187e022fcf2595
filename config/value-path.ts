// Dotted names of settings: `gateway.port`, `fallback_models.0.name`, `providers.x.models."gpt-4.1".context_length`.
import { AppError } from '../shared/errors.ts';

export type ValuePath = readonly (string | number)[];

const PLAIN_KEY = /^[A-Za-z0-9_-]+$/;

/** One name per path; keys with other characters than letters, digits, `_` and `-` are quoted. */
export function formatPath(path: ValuePath): string {
  return path
    .map((key) => (typeof key === 'number' || PLAIN_KEY.test(key) ? String(key) : JSON.stringify(key)))
    .join('.');
}

/** The reverse of formatPath; all keys come back as text. Throws AppError `bad_input` when it is no dotted name. */
export function parsePath(dotted: string): string[] {
  const keys: string[] = [];
  const segment = /("(?:[^"\\]|\\.)*"|[^".]+)(\.|$)/y;
  let at = 0;
  while (at < dotted.length) {
    segment.lastIndex = at;
    const match = segment.exec(dotted);
    const key = match?.[1];
    if (match === null || key === undefined) throw badName(dotted);
    keys.push(key.startsWith('"') ? unquote(key, dotted) : key);
    at = segment.lastIndex;
    if (match[2] === '.' && at === dotted.length) throw badName(dotted);
  }
  if (keys.length === 0) throw badName(dotted);
  return keys;
}

/** The value at `path` in plain data, or undefined. Looks at own keys only. */
export function valueAt(root: unknown, path: ValuePath): unknown {
  let value = root;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = Reflect.get(value, key);
  }
  return value;
}

/** Sets the value at `path`, making sections on the way. False when something on the way is not a section or a list. */
export function setValueAt(root: object, path: ValuePath, value: unknown): boolean {
  let parent = root;
  for (const [index, key] of path.entries()) {
    if (index === path.length - 1) return Reflect.set(parent, key, value);
    if (!Object.hasOwn(parent, key)) Reflect.set(parent, key, newSection());
    const next: unknown = Reflect.get(parent, key);
    if (typeof next !== 'object' || next === null) return false;
    parent = next;
  }
  return false;
}

/** A map without prototype, so that no key of a file can mean anything but itself. */
export function newSection(): Record<string, unknown> {
  const section: Record<string, unknown> = { __proto__: null };
  return section;
}

export function isSection(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function unquote(quoted: string, whole: string): string {
  try {
    return String(JSON.parse(quoted));
  } catch {
    throw badName(whole);
  }
}

function badName(dotted: string): AppError {
  return new AppError(
    'bad_input',
    `${JSON.stringify(dotted)} is not the name of a setting. Write it like gateway.port.`,
  );
}
