// One value against one schema: all problems at once, each with its place and with what is allowed. Texts from the environment
// become numbers, switches and lists where the schema wants those; numbers become texts, as written, where it wants texts.
import type { z } from 'zod';
import { allowedKeys, allowedText, allowedWords, schemaAt } from './allowed.ts';
import { describeFound, type ConfigProblem, type ValueSource } from './problems.ts';
import { suggestName } from './suggest.ts';
import { formatPath, setValueAt, valueAt, type ValuePath } from './value-path.ts';

/** What is known about the values being checked. Paths are those of config.yaml. */
export interface ValueContext {
  /** Where the value at `path` came from; for what is missing, where its section stands. */
  sourceOf(path: ValuePath): ValueSource;
  /** Where the key itself stands. */
  keySourceOf(path: ValuePath): ValueSource;
  /** A number exactly as the file writes it. */
  writtenAt(path: ValuePath): string | undefined;
  isSecret(path: ValuePath): boolean;
  report(problem: ConfigProblem): void;
}

export interface ValueCheck<Schema extends z.ZodType> {
  schema: Schema;
  /** Changed in place by conversions. */
  value: unknown;
  /** Path in config.yaml of a path inside `value`. */
  locate(path: ValuePath): ValuePath;
  /** Keys that may stand beside each other at the root of `value`, when more than the schema's own. */
  rootKeys?: readonly string[];
  /** True for problems that do not count, such as a missing value of something that is switched off. */
  ignore?(path: ValuePath, missing: boolean): boolean;
}

/** The parsed value, or undefined when problems were reported. Never throws for bad input. */
export function checkValue<Schema extends z.ZodType>(
  check: ValueCheck<Schema>,
  context: ValueContext,
): z.output<Schema> | undefined {
  const box = { value: check.value };
  // Each pass can reveal what is wrong inside of what the pass before converted: lists of numbers, no deeper.
  for (let pass = 0; pass < 4; pass++) {
    const result = check.schema.safeParse(box.value);
    if (result.success) return result.data;
    const issues: readonly z.core.$ZodIssue[] = result.error.issues;
    const converted = issues.filter((issue) => convert(issue, box, check, context));
    if (converted.length > 0 && pass < 3) continue;
    for (const issue of issues) reportIssue(issue, box, check, context);
    return undefined;
  }
  return undefined;
}

type Check = ValueCheck<z.ZodType>;
type Box = { value: unknown };

function convert(issue: z.core.$ZodIssue, box: Box, check: Check, context: ValueContext): boolean {
  if (issue.code !== 'invalid_type') return false;
  const path = plainPath(issue.path);
  const found = path.length === 0 ? box.value : valueAt(box.value, path);
  const place = check.locate(path);
  const wanted = convertValue(found, issue.expected, isTextual(context.sourceOf(place)), context.writtenAt(place));
  return wanted !== undefined && setValueAt(box, ['value', ...path], wanted);
}

/** `found` as the type that is wanted, or undefined when that would be a guess. */
function convertValue(found: unknown, expected: string, textual: boolean, written: string | undefined): unknown {
  if (expected === 'string' && typeof found === 'number' && written !== undefined) return written;
  if (typeof found !== 'string' || !textual) return undefined;
  const text = found.trim();
  if (expected === 'number' || expected === 'int') return /^[+-]?\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
  if (expected === 'boolean') return SWITCHES.get(text.toLowerCase());
  if (expected !== 'array') return undefined;
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

const SWITCHES: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['1', true],
  ['yes', true],
  ['on', true],
  ['false', false],
  ['0', false],
  ['no', false],
  ['off', false],
]);

/** True for values that can only be text where they come from: the environment, `${VAR}`, an option. */
function isTextual(source: ValueSource): boolean {
  return source.kind === 'file' ? source.variables.length > 0 : source.kind !== 'default';
}

function reportIssue(issue: z.core.$ZodIssue, box: Box, check: Check, context: ValueContext): void {
  const path = plainPath(issue.path);
  if (issue.code === 'unrecognized_keys') {
    const allowed =
      path.length === 0 && check.rootKeys !== undefined ? check.rootKeys : allowedKeys(schemaAt(check.schema, path));
    for (const key of issue.keys) reportUnknownKey(check.locate([...path, key]), allowed, context);
    return;
  }
  const place = check.locate(path);
  const found = path.length === 0 ? box.value : valueAt(box.value, path);
  if (check.ignore?.(path, found === undefined) === true) return;
  const schema = schemaAt(check.schema, path);
  const said = ownMessage(issue);
  if (issue.code === 'invalid_key') {
    context.report({
      path: place,
      source: context.keySourceOf(place),
      message: `this name cannot be used${said === '' ? '' : `: ${said}`}`,
    });
    return;
  }
  const allowed = said === '' ? `; expected ${allowedText(schema) || issue.message}` : `: ${said}`;
  const suggestion = typeof found === 'string' ? suggestName(found, allowedWords(schema)) : undefined;
  const message =
    found === undefined
      ? `is missing${allowed}`
      : `found ${describeFound(found, context.isSecret(place))}${allowed}${didYouMean(suggestion)}`;
  context.report({ path: place, source: context.sourceOf(place), message });
}

/** Reports a key that does not exist, with the nearest one that does. */
export function reportUnknownKey(place: ValuePath, allowed: readonly string[], context: ValueContext): void {
  const key = String(place.at(-1) ?? '');
  const list = allowed.length === 0 ? '' : ` Allowed here: ${allowed.join(', ')}.`;
  const message = `there is no such setting${didYouMean(suggestName(key, allowed)) || '.'}${list}`;
  context.report({ path: place, source: context.keySourceOf(place), message });
}

function didYouMean(suggestion: string | undefined): string {
  return suggestion === undefined ? '' : `. Did you mean ${suggestion}?`;
}

/** What the author of the schema wrote about it, or '' where zod's own words stand. */
function ownMessage(issue: z.core.$ZodIssue): string {
  const message = issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? '') : issue.message;
  return /^(?:Invalid|Too (?:big|small)|Unrecognized)\b/.test(message) ? '' : message;
}

function plainPath(path: readonly PropertyKey[]): (string | number)[] {
  return path.map((key) => (typeof key === 'symbol' ? String(key) : key));
}

/** For callers that must tell apart two reports of one thing. */
export function problemKey(problem: ConfigProblem): string {
  return `${problem.path === undefined ? '' : formatPath(problem.path)}\n${problem.message}`;
}
