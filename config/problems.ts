// What is wrong with a configuration, where, and how that is told.
import { AppError } from '../shared/errors.ts';
import type { Redactor } from '../shared/redact.ts';
import { formatPath, type ValuePath } from './value-path.ts';

/** Where a value came from. Lines and columns count from 1. */
export type ValueSource =
  | { kind: 'flag'; flag: string }
  | { kind: 'file'; line: number; column: number; variables: readonly string[] }
  | { kind: 'env'; name: string }
  | { kind: 'dotenv'; name: string }
  | { kind: 'default' };

export interface ConfigProblem {
  /** Undefined: about the file as a whole. */
  path: ValuePath | undefined;
  source: ValueSource;
  /** What was found and what is allowed. */
  message: string;
}

/** Most problems that one message tells; a binary file can have thousands. */
const MAX_TOLD = 25;

/** One line: file, line and column (or the environment name, or the flag), the key, what is wrong. */
export function formatProblem(problem: ConfigProblem, file: string): string {
  const key = problem.path === undefined || problem.path.length === 0 ? undefined : formatPath(problem.path);
  return `${formatPlace(problem.source, file)}${key === undefined ? '' : ` ${key}`}: ${problem.message}`;
}

/** All problems as one AppError `config_invalid`, in the order of the file. Secrets in found values are masked. */
export function problemsError(problems: readonly ConfigProblem[], file: string, redactor: Redactor): AppError {
  const lines = problems.toSorted(byPlace).map((problem) => `  ${formatProblem(problem, file)}`);
  const told = lines.slice(0, MAX_TOLD);
  if (lines.length > told.length) told.push(`  … and ${lines.length - told.length} more`);
  const count = lines.length === 1 ? 'one problem' : `${lines.length} problems`;
  return new AppError(
    'config_invalid',
    redactor.redact(
      `The configuration has ${count}. Nothing was changed; correct this and try again:\n${told.join('\n')}`,
    ),
  );
}

export function formatPlace(source: ValueSource, file: string): string {
  switch (source.kind) {
    case 'flag':
      return `option ${source.flag}`;
    case 'file':
      return `${file}:${source.line}:${source.column}`;
    case 'env':
      return `environment variable ${source.name}`;
    case 'dotenv':
      return `.env variable ${source.name}`;
    case 'default':
      return file;
  }
}

/** `value` as it may be shown in a message: short, quoted, with its kind. Secret values are only described. */
export function describeFound(value: unknown, secret: boolean): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a section';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value !== 'string') return `a ${typeof value}`;
  if (secret) return `a text of ${value.length} characters`;
  return value.length <= 60
    ? JSON.stringify(value)
    : `${JSON.stringify(value.slice(0, 60).toWellFormed())}… (${value.length} characters)`;
}

function byPlace(a: ConfigProblem, b: ConfigProblem): number {
  const line = (source: ValueSource) =>
    source.kind === 'file' ? source.line * 10_000 + Math.min(source.column, 9_999) : 0;
  return line(a.source) - line(b.source);
}
