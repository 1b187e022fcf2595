// From a typed name to a command: exact, alias, unique prefix, else the nearest ones as a suggestion.
import type { Command } from './types.ts';

export type FoundCommand = { command: Command } | { suggestions: readonly string[] };

/** The form in which names are compared: lower case, `-` as `_`. */
export function commandKey(name: string): string {
  return name.toLowerCase().replaceAll('-', '_');
}

/** The command of exactly this name or alias. */
export function namedCommand(name: string, commands: readonly Command[]): Command | undefined {
  const key = commandKey(name);
  return commands.find((command) => command.name === key) ?? commands.find((command) => command.aliases.includes(key));
}

/**
 * Finds by name, alias, or a beginning of at least two letters that only one command has. Otherwise up to three names of commands
 * that may have been meant, nearest first.
 */
export function matchCommand(name: string, commands: readonly Command[]): FoundCommand {
  const exact = namedCommand(name, commands);
  if (exact) return { command: exact };
  const key = commandKey(name);
  const begun = commands.filter((command) => namesOf(command).some((each) => each.startsWith(key)));
  const only = begun[0];
  if (only && begun.length === 1 && key.length >= 2) return { command: only };
  return {
    suggestions: [...new Set([...begun.map((command) => command.name), ...nearest(key, commands)])].slice(0, 3),
  };
}

function namesOf(command: Command): readonly string[] {
  return [command.name, ...command.aliases];
}

/** Names within a third of their length in typing errors. */
function nearest(key: string, commands: readonly Command[]): readonly string[] {
  return commands
    .flatMap((command) => namesOf(command).map((name) => ({ command: command.name, name, distance: typos(key, name) })))
    .filter(({ name, distance }) => distance <= Math.floor(name.length / 3))
    .sort((a, b) => a.distance - b.distance)
    .map(({ command }) => command);
}

/** Typing errors between two words: letters added, left out, replaced, or two neighbours swapped. */
function typos(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row.push(
        Math.min(
          (last[j] ?? 0) + 1,
          (row[j - 1] ?? 0) + 1,
          (last[j - 1] ?? 0) + same,
          swapped ? (before[j - 2] ?? 0) + 1 : Infinity,
        ),
      );
    }
    before = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
