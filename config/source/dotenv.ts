// The .env file: NAME=value lines. Own parser because edits must keep every other line as it is, and because a line that
// cannot be read must be an error with its number: a token that is silently ignored costs an evening.
import { AppError } from '../../shared/errors.ts';

export interface DotenvEntry {
  name: string;
  value: string;
  /** First and last line, counted from 1 (a quoted value may span lines). */
  line: number;
  lastLine: number;
}

export interface Dotenv {
  /** In file order; of a repeated name the last one counts. */
  entries: readonly DotenvEntry[];
  /** Lines that are no assignment, comment or blank. Messages never hold the line's text: it may be a secret. */
  problems: readonly { line: number; message: string }[];
}

const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const ASSIGNMENT = /^\s*(?:export\s+)?([^=\s]+)\s*=[ \t]*(.*)$/s;

/**
 * Unquoted values end at ` #` and are trimmed; 'single' and `backtick` quotes take everything literally; "double" quotes know
 * \n \r \t \" \\ \$. Quoted values may span lines. Never throws.
 */
export function parseDotenv(text: string): Dotenv {
  const lines = splitLines(text);
  const entries: DotenvEntry[] = [];
  const problems: { line: number; message: string }[] = [];
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index] ?? '';
    if (line.trim() === '' || line.trimStart().startsWith('#')) continue;
    const match = ASSIGNMENT.exec(line);
    const name = match?.[1];
    const rest = match?.[2];
    if (name === undefined || rest === undefined || !ENV_NAME.test(name)) {
      problems.push({ line: index + 1, message: 'is not of the form NAME=value' });
      continue;
    }
    const quote = rest[0];
    if (quote !== '"' && quote !== "'" && quote !== '`') {
      entries.push({ name, value: rest.replace(/(^|\s)#.*$/s, '').trim(), line: index + 1, lastLine: index + 1 });
      continue;
    }
    const quoted = readQuoted(lines, index, rest, quote);
    if (quoted === undefined) {
      problems.push({ line: index + 1, message: `has a value whose closing ${quote} is missing or followed by text` });
      continue;
    }
    entries.push({ name, value: quoted.value, line: index + 1, lastLine: quoted.lastIndex + 1 });
    index = quoted.lastIndex;
  }
  return { entries, problems };
}

/**
 * `text` with `name` set, or removed when `value` is undefined; every other line stays as it is. A repeated name is left once.
 * Throws AppError `bad_input` for a bad name or a value that no quoting can hold.
 */
export function setDotenv(text: string, name: string, value: string | undefined): string {
  if (!ENV_NAME.test(name)) {
    throw new AppError(
      'bad_input',
      `${JSON.stringify(name)} cannot be an environment name: use letters, digits and _.`,
    );
  }
  const lines = splitLines(text);
  if (lines.at(-1) === '') lines.pop();
  const assignment = value === undefined ? [] : [`${name}=${quoteValue(name, value)}`];
  const own = parseDotenv(text).entries.filter((entry) => entry.name === name);
  const last = own.at(-1);
  for (const entry of own.toReversed()) {
    lines.splice(entry.line - 1, entry.lastLine - entry.line + 1, ...(entry === last ? assignment : []));
  }
  if (last === undefined) lines.push(...assignment);
  const newline = text.includes('\r\n') ? '\r\n' : '\n';
  return lines.length === 0 ? '' : lines.join(newline) + newline;
}

function splitLines(text: string): string[] {
  return text.replace(/^\ufeff/, '').split(/\r\n|\n|\r/);
}

function readQuoted(lines: readonly string[], index: number, first: string, quote: string) {
  let value = '';
  let rest = first.slice(1);
  for (let at = index; at < lines.length; at++) {
    if (at > index) {
      value += '\n';
      rest = lines[at] ?? '';
    }
    const end = quoteEnd(rest, quote);
    if (end === -1) {
      value += rest;
      continue;
    }
    if (!/^\s*(?:#.*)?$/.test(rest.slice(end + 1))) return undefined;
    value += rest.slice(0, end);
    return { value: quote === '"' ? unescape(value) : value, lastIndex: at };
  }
  return undefined;
}

function quoteEnd(text: string, quote: string): number {
  for (let at = 0; at < text.length; at++) {
    if (quote === '"' && text[at] === '\\') at++;
    else if (text[at] === quote) return at;
  }
  return -1;
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
]);

function unescape(text: string): string {
  return text.replace(/\\([nrt"\\$])/g, (_, letter: string) => ESCAPES.get(letter) ?? letter);
}

function quoteValue(name: string, value: string): string {
  if (value.includes('\0'))
    throw new AppError('bad_input', `The value for ${name} holds a zero byte and cannot be stored.`);
  if (/^[A-Za-z0-9_.:/@+=,~%-]*$/.test(value)) return value;
  const escaped = value
    .replace(/["\\$]/g, '\\$&')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\t', '\\t');
  return `"${escaped}"`;
}
