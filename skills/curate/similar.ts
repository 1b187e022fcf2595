// How alike two skills are: by runs of words that they share, whatever the order of their parts.

/** Words in a row. */
const RUN = 3;
const MAX_WORDS = 5_000;

/** Runs of words of a text. */
export function shinglesOf(text: string): ReadonlySet<string> {
  const words = (
    text
      .toLowerCase()
      .normalize('NFKC')
      .match(/[\p{L}\p{N}]+/gu) ?? []
  ).slice(0, MAX_WORDS);
  const runs = new Set<string>();
  for (let at = 0; at + RUN <= words.length; at++) runs.add(words.slice(at, at + RUN).join(' '));
  // A text that is shorter than a run is one.
  if (runs.size === 0 && words.length > 0) runs.add(words.join(' '));
  return runs;
}

/** Of the smaller one, so much stands in the other: from 0 to 1. */
export function containmentOf(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  const [small, large] = a.size <= b.size ? [a, b] : [b, a];
  if (small.size === 0) return 0;
  let shared = 0;
  for (const run of small) if (large.has(run)) shared++;
  return shared / small.size;
}

/** The text of `keep`, and below it what only `other` says: whole lines, in their order. Undefined when it says nothing more. */
export function mergeTexts(keep: string, other: { name: string; body: string }): string | undefined {
  const known = new Set(keep.split('\n').map(plainLine));
  const more = other.body.split('\n').filter((line) => {
    const plain = plainLine(line);
    return plain !== '' && !/^#{1,6} /.test(line.trim()) && !known.has(plain);
  });
  if (more.length === 0) return undefined;
  return `${keep.trimEnd()}\n\n## From ${other.name}\n\n${more.join('\n')}\n`;
}

function plainLine(line: string): string {
  return line
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
}
