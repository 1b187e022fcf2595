// Paths within a skill. What a skill names must stay inside of its folder, on every system.
import { AppError } from '../shared/errors.ts';

export const SKILL_FILE = 'SKILL.md';
export const WRITABLE_FOLDERS = ['references', 'templates', 'scripts', 'assets'] as const;
export const MAX_FILE_BYTES = 1024 * 1024;
export const MAX_FILES = 500;
export const MAX_TOTAL_BYTES = 20 * 1024 * 1024;

const MAX_DEPTH = 8;
const MAX_PATH_CHARS = 240;

/** Whether it may name a file of a skill at all: relative, with forward slashes, nothing hidden, nothing that climbs out. */
export function isInnerPath(path: string): boolean {
  const parts = path.split('/');
  return (
    path.length <= MAX_PATH_CHARS &&
    parts.length <= MAX_DEPTH &&
    // Names that Windows or a shell takes for something else are out, whatever the system is here.
    parts.every((part) => /^[\p{L}\p{N}_][^\p{C}\\:*?"<>|]*$/u.test(part) && !/[. ]$/.test(part))
  );
}

/** Throws AppError `bad_input` for what may not be read. */
export function checkReadPath(path: string): void {
  if (!isInnerPath(path))
    throw new AppError(
      'bad_input',
      `${JSON.stringify(path.slice(0, 120))} names no file of a skill: write a path within it, such as references/api.md.`,
    );
}

/** Throws AppError `bad_input` for what may not be written. */
export function checkWritePath(path: string): void {
  checkReadPath(path);
  const [folder = '', ...rest] = path.split('/');
  if (rest.length === 0 || !WRITABLE_FOLDERS.some((one) => one === folder))
    throw new AppError(
      'bad_input',
      `${JSON.stringify(path.slice(0, 120))} is not allowed: files go under references/, templates/, scripts/ or assets/; SKILL.md is changed by edit or patch.`,
    );
}
