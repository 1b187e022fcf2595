// Names under which the model sees tools of MCP servers, and the patterns that choose among them.
import { sha256Hex } from '../../shared/digest.ts';

/** The smallest limit of the providers (https://platform.openai.com/docs/api-reference/chat, read 2026-11-21). */
const MAX_NAME = 64;
const SUFFIX_CHARS = 6;

export interface RemoteName {
  server: string;
  tool: string;
}

/**
 * `mcp_<server>_<tool>` for each, in the same order. Names that would be alike, or too long, end in a digest of their own; all of those
 * that are alike, so that a new tool cannot take the name of an old one.
 */
export function localNames(remote: readonly RemoteName[]): readonly string[] {
  const plain = remote.map(({ server, tool }) => `mcp_${server}_${tool}`.replace(/[^A-Za-z0-9]/g, '_'));
  const counts = new Map<string, number>();
  for (const name of plain) counts.set(key(name), (counts.get(key(name)) ?? 0) + 1);
  return remote.map((entry, index) => {
    const name = plain[index] ?? '';
    if (name.length <= MAX_NAME && counts.get(key(name)) === 1) return name;
    const digest = sha256Hex(`${entry.server}\u0000${entry.tool}`);
    return `${name.slice(0, MAX_NAME - SUFFIX_CHARS - 1)}_${digest.slice(0, SUFFIX_CHARS)}`;
  });
}

/** Long names are alike when they are cut alike. Some providers do not tell upper from lower case. */
function key(name: string): string {
  return name.toLowerCase().slice(0, MAX_NAME);
}

/** Whether the server's own name of a tool is wanted. No `include` means all; `exclude` wins. */
export function isWanted(tool: string, choice: { include: readonly string[]; exclude: readonly string[] }): boolean {
  const fits = (pattern: string) => matchesGlob(tool, pattern);
  return (choice.include.length === 0 || choice.include.some(fits)) && !choice.exclude.some(fits);
}

/** `*` stands for any text, `?` for one character. Walks once, so no pattern is slow. */
export function matchesGlob(text: string, pattern: string): boolean {
  let at = 0;
  let mark = -1;
  let from = 0;
  let next = 0;
  while (at < text.length) {
    const sign = pattern[next];
    if (sign === '*') {
      mark = next++;
      from = at;
    } else if (sign !== undefined && (sign === '?' || sign === text[at])) {
      next++;
      at++;
    } else if (mark >= 0) {
      next = mark + 1;
      at = ++from;
    } else return false;
  }
  while (pattern[next] === '*') next++;
  return next === pattern.length;
}
