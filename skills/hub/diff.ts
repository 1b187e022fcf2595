// What an update changes, as a unified diff of all files.
import type { SkillFiles } from './types.ts';

const MAX_CHARS = 200_000;
/** Lines that differ all over are told as replaced; finding the shortest diff of them would take minutes. */
const TIMEOUT_MS = 2_000;

export async function diffFiles(before: SkillFiles, after: SkillFiles): Promise<string> {
  const { createTwoFilesPatch } = await import('diff');
  const parts: string[] = [];
  for (const path of [...new Set([...before.keys(), ...after.keys()])].sort()) {
    const old = before.get(path);
    const now = after.get(path);
    if (old && now && Buffer.compare(old, now) === 0) continue;
    const [from, to] = [textOf(old), textOf(now)];
    const names = [old ? `a/${path}` : '/dev/null', now ? `b/${path}` : '/dev/null'] as const;
    if (from === undefined || to === undefined) parts.push(`Binary files ${names[0]} and ${names[1]} differ\n`);
    else
      parts.push(
        createTwoFilesPatch(names[0], names[1], from, to, undefined, undefined, { timeout: TIMEOUT_MS }) ??
          `Files ${names[0]} and ${names[1]} differ too much to be shown\n`,
      );
  }
  const whole = parts.join('');
  return whole.length <= MAX_CHARS ? whole : `${whole.slice(0, MAX_CHARS)}\n… the rest is left out\n`;
}

/** '' for a file that is not there, undefined for what is no text. */
function textOf(content: Uint8Array | undefined): string | undefined {
  if (!content) return '';
  if (content.includes(0)) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content);
  } catch {
    return undefined;
  }
}
