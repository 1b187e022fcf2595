// What changes between two states of a skill's files, as a unified diff.

const MAX_CHARS = 200_000;
/** Lines that differ all over are told as replaced; finding the shortest diff of them would take minutes. */
const TIMEOUT_MS = 2_000;

type Files = ReadonlyMap<string, Uint8Array>;

/** '' when they are the same. */
export async function diffFiles(before: Files, after: Files): Promise<string> {
  const { createTwoFilesPatch } = await import('diff');
  const parts: string[] = [];
  for (const path of [...new Set([...before.keys(), ...after.keys()])].sort()) {
    const old = before.get(path);
    const now = after.get(path);
    if (old && now && Buffer.compare(old, now) === 0) continue;
    const [from, to] = [textOf(old), textOf(now)];
    const names = [old ? `a/${path}` : '/dev/null', now ? `b/${path}` : '/dev/null'] as const;
    if (from === undefined || to === undefined) {
      parts.push(`Binary file ${path} differs\n`);
      continue;
    }
    const how = { context: 3, timeout: TIMEOUT_MS };
    const patch = createTwoFilesPatch(names[0], names[1], from, to, undefined, undefined, how);
    parts.push(patch?.replace(/^=+\n/, '') ?? `File ${path} differs too much to be shown\n`);
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
