// SKILL.md: front matter and text, as agentskills.io and the public collections write it. What is written here is checked strictly; what
// others wrote is read as it is, with a warning for what is odd.
import { AppError } from '../shared/errors.ts';
import { cleanText } from '../shared/text.ts';

/** https://agentskills.io/specification (read 2026-11-21): name 64, description 1024, compatibility 500 characters. */
export const MAX_NAME_CHARS = 64;
export const MAX_DESCRIPTION_CHARS = 1024;
const MAX_COMPATIBILITY_CHARS = 500;
export const MAX_SKILL_CHARS = 100_000;
/** What reads YAML looks at each key beside each other: a head of 100,000 characters would hold up everybody for many seconds. */
const MAX_HEAD_CHARS = 16_000;

/** Dots and underscores are not in the specification, but in collections. */
export const SKILL_NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;

export interface SkillProblem {
  severity: 'error' | 'warning';
  file: string;
  /** From 1. */
  line: number;
  message: string;
}

export interface ParsedSkill {
  name: string;
  description: string;
  category: string | undefined;
  frontMatter: Readonly<Record<string, unknown>>;
  body: string;
  warnings: readonly SkillProblem[];
}

export interface ParseOptions {
  /** For messages. */
  file: string;
  /** strict: written here. lenient: somebody else's, which stays as it is. */
  mode: 'strict' | 'lenient';
  /** The name that it must have, or that it has when it does not say. */
  name?: string | undefined;
}

const KNOWN_KEYS: ReadonlySet<string> = new Set([
  'name',
  'description',
  'license',
  'compatibility',
  'metadata',
  'allowed-tools',
  'version',
  'author',
  'category',
  'tags',
  'triggers',
  'platforms',
  'required_environment_variables',
  'required_credential_files',
  'prerequisites',
  'argument-hint',
  'disable-model-invocation',
  'user-invocable',
  'homepage',
]);

/** Throws AppError `bad_input` that names file, line and what is allowed. */
export async function parseSkill(text: string, options: ParseOptions): Promise<ParsedSkill> {
  const problems: SkillProblem[] = [];
  const note = (severity: SkillProblem['severity'], line: number, message: string) =>
    problems.push({ severity, file: options.file, line, message });
  const parsed = await readParts(text, options, note);
  const lineOf = (key: string) => parsed.keyLines.get(key) ?? 1;
  const name = nameOf(parsed.frontMatter['name'], options, (severity, message) =>
    note(severity, lineOf('name'), message),
  );
  const description = descriptionOf(parsed.frontMatter['description'], options, (severity, message) =>
    note(severity, lineOf('description'), message),
  );
  for (const key of Object.keys(parsed.frontMatter))
    if (!KNOWN_KEYS.has(key))
      note('warning', lineOf(key), `there is no field ${key}; it is kept, and says nothing here`);
  const compatibility = parsed.frontMatter['compatibility'];
  if (typeof compatibility === 'string' && compatibility.length > MAX_COMPATIBILITY_CHARS)
    note('warning', lineOf('compatibility'), `compatibility has more than ${MAX_COMPATIBILITY_CHARS} characters`);
  if (parsed.body.trim() === '')
    note(
      options.mode === 'strict' ? 'error' : 'warning',
      parsed.bodyLine,
      'there is no text after the front matter: say when to use it, how, and how to verify',
    );
  throwErrors(problems);
  return {
    name,
    description,
    category: categoryOf(parsed.frontMatter),
    frontMatter: parsed.frontMatter,
    body: parsed.body,
    warnings: problems,
  };
}

/** One line per problem: file:line what, and what is allowed. */
export function describeProblem({ file, line, message }: SkillProblem): string {
  return `${file}:${line} ${message}`;
}

function throwErrors(problems: readonly SkillProblem[]): void {
  const errors = problems.filter(({ severity }) => severity === 'error');
  if (errors.length > 0)
    throw new AppError('bad_input', `This is no skill yet: ${errors.map(describeProblem).join('; ')}.`);
}

type Note = (severity: SkillProblem['severity'], line: number, message: string) => void;

interface Parts {
  frontMatter: Readonly<Record<string, unknown>>;
  keyLines: ReadonlyMap<string, number>;
  body: string;
  bodyLine: number;
}

async function readParts(raw: string, options: ParseOptions, note: Note): Promise<Parts> {
  const text = cleanText(raw.replace(/^\ufeff/, ''));
  if (text.length > MAX_SKILL_CHARS) {
    note(
      'error',
      1,
      `it has ${text.length} characters; at most ${MAX_SKILL_CHARS}: put details into references/ and name them here`,
    );
    return { frontMatter: {}, keyLines: new Map(), body: text, bodyLine: 1 };
  }
  const lines = text.split('\n');
  const isFence = (line: string | undefined) => line !== undefined && /^---\s*$/.test(line);
  const end = isFence(lines[0]) ? lines.findIndex((line, index) => index > 0 && isFence(line)) : -1;
  if (end < 0) {
    note('error', 1, 'front matter is missing: begin with a line ---, then name: and description:, then a line ---');
    return { frontMatter: {}, keyLines: new Map(), body: text, bodyLine: 1 };
  }
  const head = lines.slice(1, end);
  const headChars = head.join('\n').length;
  if (headChars > MAX_HEAD_CHARS) {
    note('error', 1, `its front matter has ${headChars} characters; at most ${MAX_HEAD_CHARS}: the rest is text`);
    return { frontMatter: {}, keyLines: new Map(), body: text, bodyLine: 1 };
  }
  const keyLines = new Map(
    head.flatMap((line, index): [string, number][] => {
      const key = /^([A-Za-z][\w-]*)\s*:/.exec(line)?.[1];
      return key === undefined ? [] : [[key, index + 2]];
    }),
  );
  return {
    frontMatter: await readFrontMatter(head, options, note),
    keyLines,
    body: lines
      .slice(end + 1)
      .join('\n')
      .replace(/^\n+/, ''),
    bodyLine: end + 2,
  };
}

async function readFrontMatter(
  head: readonly string[],
  { mode }: ParseOptions,
  note: Note,
): Promise<Readonly<Record<string, unknown>>> {
  const { parseDocument, LineCounter } = await import('yaml');
  const lineCounter = new LineCounter();
  const document = parseDocument(head.join('\n'), { lineCounter, prettyErrors: false, logLevel: 'silent' });
  const [error] = document.errors;
  if (error === undefined) {
    // Aliases can grow without end; no front matter needs many.
    const value: unknown = safely(() => document.toJS({ maxAliasCount: 20 }));
    if (isRecord(value)) return value;
    note('error', 2, 'front matter must be fields such as name: and description:');
    return {};
  }
  const line = lineCounter.linePos(error.pos[0]).line + 1;
  const message = `this is no YAML (${error.message.split('\n')[0] ?? ''}); put texts with ": " or "#" in quotes`;
  if (mode === 'strict') {
    note('error', line, message);
    return {};
  }
  note('warning', line, message);
  return plainFields(head);
}

/** Fields of one line each: what is left to read where somebody forgot the quotes. */
function plainFields(head: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    head.flatMap((line): [string, string][] => {
      const [, key, value] = /^([A-Za-z][\w-]*)\s*:\s*(\S.*)$/.exec(line) ?? [];
      return key === undefined || value === undefined ? [] : [[key, value.trim().replace(/^(["'])(.*)\1$/, '$2')]];
    }),
  );
}

function nameOf(
  value: unknown,
  { mode, name: wanted }: ParseOptions,
  note: (severity: SkillProblem['severity'], message: string) => void,
): string {
  const allowed = `up to ${MAX_NAME_CHARS} lower-case letters, digits, ".", "_" and "-", beginning with a letter or digit`;
  if (typeof value !== 'string' || value.trim() === '') {
    if (mode === 'lenient' && wanted !== undefined && SKILL_NAME.test(wanted)) {
      note('warning', `name is missing; it is called like its folder, ${wanted}`);
      return wanted;
    }
    note('error', `name is missing: ${allowed}`);
    return '';
  }
  const name = value.trim();
  if (SKILL_NAME.test(name)) {
    if (wanted !== undefined && wanted !== name)
      note(
        mode === 'strict' ? 'error' : 'warning',
        `name is ${name}, and it must be ${wanted} like that of ${mode === 'strict' ? 'the skill' : 'its folder'}`,
      );
    return name;
  }
  const mended = slugOf(name);
  if (mode === 'strict' || mended === '') {
    note('error', `name ${JSON.stringify(name.slice(0, 80))} is not allowed: ${allowed}`);
    return '';
  }
  note(
    'warning',
    `name ${JSON.stringify(name.slice(0, 80))} has other characters than ${allowed}; here it is ${mended}`,
  );
  return mended;
}

function slugOf(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[^a-z0-9]+|-+$/g, '')
    .slice(0, MAX_NAME_CHARS);
}

function descriptionOf(
  value: unknown,
  { mode }: ParseOptions,
  note: (severity: SkillProblem['severity'], message: string) => void,
): string {
  const text = typeof value === 'string' ? value.replace(/\s+/g, ' ').trim() : '';
  if (text === '') {
    note(
      'error',
      `description is missing: say in up to ${MAX_DESCRIPTION_CHARS} characters what it does and when it helps`,
    );
    return '';
  }
  if (text.length > MAX_DESCRIPTION_CHARS)
    note(
      mode === 'strict' ? 'error' : 'warning',
      `description has ${text.length} characters; at most ${MAX_DESCRIPTION_CHARS}`,
    );
  return text.slice(0, MAX_DESCRIPTION_CHARS);
}

function categoryOf(frontMatter: Readonly<Record<string, unknown>>): string | undefined {
  const own = extensionOf(frontMatter)['category'] ?? frontMatter['category'];
  return typeof own === 'string' && SKILL_NAME.test(own) ? own : undefined;
}

/** `metadata.herald`, with `metadata.hermes` as what others wrote for the same purpose. */
export function extensionOf(frontMatter: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const metadata = frontMatter['metadata'];
  if (!isRecord(metadata)) return {};
  const { hermes, herald } = metadata;
  return { ...(isRecord(hermes) ? hermes : {}), ...(isRecord(herald) ? herald : {}) };
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Texts of a list, or of one text with commas. */
export function textsOf(value: unknown): readonly string[] {
  if (Array.isArray(value))
    return value.flatMap((one) => (typeof one === 'string' ? [one.trim()] : [])).filter(Boolean);
  return typeof value === 'string'
    ? value
        .split(',')
        .map((one) => one.trim())
        .filter(Boolean)
    : [];
}

function safely(read: () => unknown): unknown {
  try {
    return read();
  } catch {
    return undefined;
  }
}
