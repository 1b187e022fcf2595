// The text form of the core memory: entries with a line `§` between them, in the files and in the prompt.
import type { MemoryEntry } from '../../data/memory/entries.ts';

export const DELIMITER = '\n§\n';

/** As it stands in MEMORY.md and USER.md; '' without entries. */
export function formatEntries(entries: readonly Pick<MemoryEntry, 'text'>[]): string {
  return entries.map(({ text }) => text).join(DELIMITER);
}

/** The entries of a file, each once, in its order. A mark at the beginning, line ends of other systems and empty entries are dropped. */
export function parseEntries(content: string): readonly string[] {
  const text = content.replace(/^\ufeff/, '').replace(/\r\n?/g, '\n');
  const entries = text.split(/(?:^|\n)[ \t]*§[ \t]*(?=\n|$)/).map((entry) => entry.trim());
  return [...new Set(entries.filter((entry) => entry !== ''))];
}
