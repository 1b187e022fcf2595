// Which messages are commands. Chat text must not be taken for one: a path, a lone slash or an exclamation is none.
import { commandKey, matchCommand, namedCommand, type FoundCommand } from './match.ts';
import { commands } from './registry.ts';

export interface ParsedCommand {
  /** Lower case, `-` as `_`; not necessarily known. */
  name: string;
  /** Trimmed; may have several lines. */
  args: string;
}

// ASCII without the u flag, so that no look-alike letter folds into a name. What follows the name is space or the end:
// "/etc/passwd", "/2" and "/help." are text.
const SLASH = /^\/([a-z][a-z0-9_-]{0,31})(?:@[a-z0-9_.-]{1,64})?(?=\s|$)/i;
const BANG = /^!([a-z][a-z0-9_-]{0,31})(?=\s|$)/i;

/**
 * The command that `text` is, or undefined for chat text. Takes `/cmd args`, `/cmd@bot args` and, for platforms that keep the slash
 * to themselves, `!cmd args`; the latter only with the full name or alias of a command, since people do write "!important".
 */
export function parseCommand(text: string): ParsedCommand | undefined {
  const trimmed = text.trim();
  const slash = SLASH.exec(trimmed);
  const found = slash ?? BANG.exec(trimmed);
  const name = found?.[1];
  if (!found || name === undefined) return undefined;
  if (!slash && !namedCommand(name, commands)) return undefined;
  return { name: commandKey(name), args: trimmed.slice(found[0].length).trim() };
}

/** The command meant by a parsed name: exact, alias or unique beginning; else up to three names that may have been meant. */
export function findCommand(name: string): FoundCommand {
  return matchCommand(name, commands);
}
