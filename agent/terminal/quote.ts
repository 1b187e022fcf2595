// The one place where text becomes part of a shell script. Everything that is not a constant of ours passes through `quoteShell`.
import { AppError } from '../../shared/errors.ts';

/** `text` as one word of POSIX sh, whatever it holds. Throws AppError `bad_input` for NUL, which no shell can carry. */
export function quoteShell(text: string): string {
  if (text.includes('\0')) throw new AppError('bad_input', 'A command or path cannot hold a NUL character.');
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** `body`, a constant of ours, with `args` as its `$1`, `$2` … */
export function scriptWith(body: string, args: readonly string[]): string {
  return `set -- ${args.map(quoteShell).join(' ')}\n${body}`;
}
