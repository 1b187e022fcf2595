// Globs of paths, matched without regular expressions: a pattern from a file or a model cannot take more than pattern × path steps.

/**
 * Whether the glob `pattern` fits all of `path` (segments split by `/`, none at the ends). `*` and `?` stay within a segment, `**` spans
 * any number of segments, `[a-z]`, `[!a]` and `\x` are as in shells; `{a,b}` is expanded by `expandBraces`.
 */
export function matchGlob(pattern: string, path: string): boolean {
  return matchSegments(pattern.split('/'), path.split('/'));
}

/** With the two-pointer way of wildcards: only the last `**` is ever retried. */
function matchSegments(pattern: readonly string[], path: readonly string[]): boolean {
  let p = 0;
  let s = 0;
  let star = -1;
  let retry = 0;
  while (s < path.length) {
    const part = pattern[p];
    if (part === '**') {
      star = p++;
      retry = s;
    } else if (part !== undefined && matchSegment(part, path[s] ?? '')) {
      p++;
      s++;
    } else if (star >= 0) {
      p = star + 1;
      s = ++retry;
    } else return false;
  }
  while (pattern[p] === '**') p++;
  return p === pattern.length;
}

function matchSegment(pattern: string, text: string): boolean {
  let p = 0;
  let s = 0;
  let star = -1;
  let retry = 0;
  while (s < text.length) {
    if (pattern[p] === '*') {
      star = p++;
      retry = s;
      continue;
    }
    const length = p < pattern.length ? matchOne(pattern, p, text[s] ?? '') : 0;
    if (length > 0) {
      p += length;
      s++;
    } else if (star >= 0) {
      p = star + 1;
      s = ++retry;
    } else return false;
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}

/** How many characters of the pattern take `char`; 0 when they do not. */
function matchOne(pattern: string, at: number, char: string): number {
  const sign = pattern[at];
  if (sign === '?') return 1;
  if (sign === '\\' && at + 1 < pattern.length) return pattern[at + 1] === char ? 2 : 0;
  if (sign === '[') {
    const set = classAt(pattern, at);
    if (set !== undefined) return set.has(char) ? set.length : 0;
  }
  return sign === char ? 1 : 0;
}

/** The class `[…]` that begins at `at`; undefined when it does not end. */
function classAt(pattern: string, at: number): { length: number; has(char: string): boolean } | undefined {
  let from = at + 1;
  const isNegated = pattern[from] === '!' || pattern[from] === '^';
  if (isNegated) from++;
  // A bracket that comes first belongs to the class.
  const end = pattern.indexOf(']', from + 1);
  if (end < 0) return undefined;
  const body = pattern.slice(from, end);
  return {
    length: end + 1 - at,
    has(char) {
      let found = false;
      for (let i = 0; i < body.length; i++) {
        const low = body[i] ?? '';
        if (body[i + 1] === '-' && i + 2 < body.length) {
          found ||= low <= char && char <= (body[i + 2] ?? '');
          i += 2;
        } else found ||= low === char;
      }
      return found !== isNegated;
    },
  };
}

const MAX_ALTERNATIVES = 64;

/** `a.{ts,js}` as `a.ts` and `a.js`; nested braces too. Braces beyond 64 alternatives are taken as they stand. */
export function expandBraces(pattern: string): readonly string[] {
  let patterns = [pattern];
  for (let round = 0; round < MAX_ALTERNATIVES; round++) {
    const next = patterns.flatMap((one) => {
      const group = /\{([^{}]*,[^{}]*)\}/.exec(one);
      if (!group) return [one];
      const before = one.slice(0, group.index);
      const after = one.slice(group.index + group[0].length);
      return (group[1] ?? '').split(',').map((choice) => before + choice + after);
    });
    if (next.length === patterns.length) return patterns;
    if (next.length > MAX_ALTERNATIVES) return patterns;
    patterns = next;
  }
  return patterns;
}

/** A glob as people mean it: without a slash it fits names in every folder; braces are choices. */
export function makeGlob(pattern: string): (path: string) => boolean {
  const globs = expandBraces(pattern).map((one) => {
    const plain = one.replace(/^\.?\//, '').replace(/\/$/, '/**');
    return one.includes('/') ? plain : `**/${plain}`;
  });
  return (path) => globs.some((glob) => matchGlob(glob, path));
}
