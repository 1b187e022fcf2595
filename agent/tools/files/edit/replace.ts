// Finding the piece of a file that a model means, although it does not quote it to the letter. Ways are tried from the strictest on; the first
// that finds anything decides, and it must find exactly one place: two places are told, never guessed between.
import { indentOf, lineAt, lineEnding, plainPunctuation, splitLines, withEnding, type Line } from './lines.ts';

export interface Replacement {
  start: number;
  end: number;
  text: string;
}

export type ReplaceOutcome =
  | {
      ok: true;
      text: string;
      /** In words; undefined when it was found to the letter. */ how?: string;
      at: readonly number[];
    }
  | { ok: false; problem: 'not-found' | 'ambiguous' | 'same' | 'empty'; /** Lines, from 1. */ at: readonly number[] };

export interface ReplaceRequest {
  old: string;
  next: string;
  all: boolean;
}

/** `content` with `old` replaced. Pure. Everything outside the place stays as it is, to the byte. */
export function replaceText(content: string, request: ReplaceRequest): ReplaceOutcome {
  if (request.old === '') return { ok: false, problem: 'empty', at: [] };
  if (request.old === request.next) return { ok: false, problem: 'same', at: [] };
  for (const { how, find } of WAYS) {
    // Everywhere at once only where what is replaced is certain.
    if (request.all && how !== undefined && how !== LINE_ENDINGS) break;
    const found = find(content, request);
    if (found.length === 0) continue;
    const at = found.slice(0, MAX_TOLD).map((place) => lineAt(content, place.start));
    if (found.length > 1 && !request.all) return { ok: false, problem: 'ambiguous', at };
    return { ok: true, text: applyAll(content, found), ...(how === undefined ? {} : { how }), at };
  }
  return { ok: false, problem: 'not-found', at: [] };
}

/** Places that are told, at most. */
const MAX_TOLD = 20;

function applyAll(content: string, places: readonly Replacement[]): string {
  let text = '';
  let from = 0;
  for (const place of places) {
    text += content.slice(from, place.start) + place.text;
    from = place.end;
  }
  return text + content.slice(from);
}

type Find = (content: string, request: ReplaceRequest) => readonly Replacement[];

const LINE_ENDINGS = 'other line endings';

const WAYS: readonly { how: string | undefined; find: Find }[] = [
  { how: undefined, find: findLetters },
  { how: LINE_ENDINGS, find: findOtherEndings },
  { how: 'spaces at the end of lines left aside', find: byLines((line) => line.trimEnd()) },
  { how: 'quotes, dashes and spaces taken as plain ones', find: findPlain },
  { how: 'other indentation', find: findIndented },
  { how: 'escaped newlines and quotes read as such', find: findUnescaped },
  { how: 'blank lines left aside', find: findWithoutBlanks },
  { how: 'by its first and last lines', find: findByAnchors },
];

function findLetters(content: string, { old, next }: ReplaceRequest): readonly Replacement[] {
  const isReturned = lineEnding(old.includes('\n') ? old : content) === '\r\n';
  return findExact(content, old, isReturned ? withEnding(next, '\r\n') : next);
}

function findExact(content: string, old: string, next: string): readonly Replacement[] {
  const places: Replacement[] = [];
  for (let at = content.indexOf(old); at >= 0; at = content.indexOf(old, at + old.length))
    places.push({ start: at, end: at + old.length, text: next });
  return places;
}

function findOtherEndings(content: string, { old, next }: ReplaceRequest): readonly Replacement[] {
  const ending = lineEnding(content);
  if (!content.includes('\r') && !old.includes('\r')) return [];
  const { text: plain, places } = withoutReturns(content);
  return findExact(plain, withEnding(old, '\n'), withEnding(next, ending)).map((found) => ({
    start: places(found.start),
    end: places(found.end),
    text: found.text,
  }));
}

/** The text without the returns of its line endings, and where its places are in the original. */
function withoutReturns(content: string): { text: string; places(offset: number): number } {
  const removed: number[] = [];
  const text = content.replace(/\r\n/g, (_all, at: number) => {
    removed.push(at - removed.length);
    return '\n';
  });
  return {
    text,
    places(offset) {
      let low = 0;
      let high = removed.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if ((removed[middle] ?? 0) < offset) low = middle + 1;
        else high = middle;
      }
      return offset + low;
    },
  };
}

/** Whole lines that are alike once `norm` has been over them. */
function byLines(norm: (line: string) => string): Find {
  return (content, { old, next }) => {
    const lines = splitLines(content);
    const wanted = splitLines(old).map((line) => norm(line.text));
    if (wanted.every((line) => line.trim() === '')) return [];
    const have = lines.map((line) => norm(line.text));
    return findRuns(have, wanted).map((at) =>
      replaceLines(content, lines.slice(at, at + wanted.length), { old, next }),
    );
  };
}

/** Above, only what is quoted to the letter is looked for. */
const MAX_COMPARISONS = 50_000_000;

/** Where `wanted` stands in `have`, without overlaps. */
function findRuns(have: readonly string[], wanted: readonly string[]): readonly number[] {
  const found: number[] = [];
  if (have.length * wanted.length > MAX_COMPARISONS) return found;
  for (let at = 0; at + wanted.length <= have.length; at++) {
    if (!wanted.every((line, i) => have[at + i] === line)) continue;
    found.push(at);
    at += wanted.length - 1;
  }
  return found;
}

/** Puts `next` where the lines stand; their last ending belongs to them when `old` quotes one. */
function replaceLines(
  content: string,
  lines: readonly Line[],
  { old, next }: Pick<ReplaceRequest, 'old' | 'next'>,
): Replacement {
  const last = lines.at(-1);
  const start = lines[0]?.start ?? 0;
  const end = last === undefined ? start : old.endsWith('\n') ? last.next : last.end;
  return { start, end, text: withEnding(next, lineEnding(content)) };
}

function findPlain(content: string, { old, next, all }: ReplaceRequest): readonly Replacement[] {
  const ending = lineEnding(content);
  const found = findExact(
    plainPunctuation(content),
    withEnding(plainPunctuation(old), ending),
    withEnding(next, ending),
  );
  if (found.length > 0) return found;
  return byLines((line) => plainPunctuation(line).trimEnd())(content, { old, next, all });
}

/** Lines that are alike but for how far they are indented; the new lines are indented as the file is. */
function findIndented(content: string, { old, next }: ReplaceRequest): readonly Replacement[] {
  const lines = splitLines(content);
  const wanted = splitLines(old);
  if (wanted.every((line) => line.text.trim() === '')) return [];
  const norm = (line: Line) => plainPunctuation(line.text).trim();
  return findRuns(lines.map(norm), wanted.map(norm)).flatMap((at) => {
    const run = lines.slice(at, at + wanted.length);
    const indents = mapIndents(wanted, run);
    return indents === undefined ? [] : [replaceLines(content, run, { old, next: reindent(next, indents) })];
  });
}

/** Indentation of the quoted lines → indentation in the file. Undefined when it is not the same shift throughout. */
function mapIndents(wanted: readonly Line[], run: readonly Line[]): ReadonlyMap<string, string> | undefined {
  const indents = new Map<string, string>();
  for (const [i, line] of wanted.entries()) {
    if (line.text.trim() === '') continue;
    const from = indentOf(line.text);
    const to = indentOf(run[i]?.text ?? '');
    if ((indents.get(from) ?? to) !== to) return undefined;
    indents.set(from, to);
  }
  const known = [...indents].toSorted(([a], [b]) => a.length - b.length);
  // What is deeper in the quote must be deeper in the file.
  const grows = known.every(([, to], i) => i === 0 || to.length > (known[i - 1]?.[1].length ?? 0));
  return grows ? indents : undefined;
}

function reindent(text: string, indents: ReadonlyMap<string, string>): string {
  const known = [...indents].toSorted(([a], [b]) => b.length - a.length);
  const [shallowest] = known.slice(-1);
  return text
    .split('\n')
    .map((line) => {
      const own = indentOf(line);
      const nearest = known.find(([from]) => own.startsWith(from));
      if (line.trim() === '') return line;
      if (nearest) return nearest[1] + own.slice(nearest[0].length) + line.slice(own.length);
      // Less deep than anything quoted: as much less in the file.
      const [from, to] = shallowest ?? ['', ''];
      return to.slice(0, Math.max(0, to.length - (from.length - own.length))) + line.slice(own.length);
    })
    .join('\n');
}

function findUnescaped(content: string, { old, next }: ReplaceRequest): readonly Replacement[] {
  if (!/\\[nrt"'\\`]/.test(old)) return [];
  const ending = lineEnding(content);
  return findExact(content, withEnding(unescape(old), ending), withEnding(unescape(next), ending));
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };

function unescape(text: string): string {
  return text.replace(/\\([nrt"'\\`])/g, (_all, sign: string) => ESCAPES[sign] ?? sign);
}

function findWithoutBlanks(content: string, { old, next }: ReplaceRequest): readonly Replacement[] {
  const norm = (line: Line) => plainPunctuation(line.text).trimEnd();
  const lines = splitLines(content).filter((line) => line.text.trim() !== '');
  const wanted = splitLines(old).filter((line) => line.text.trim() !== '');
  if (wanted.length < 2) return [];
  return findRuns(lines.map(norm), wanted.map(norm)).map((at) => {
    const run = lines.slice(at, at + wanted.length);
    // Blank lines around the quote stay as the file has them.
    const trimmed = { old: trimBlank(old), next: trimBlank(next) };
    return replaceLines(content, run, trimmed);
  });
}

function trimBlank(text: string): string {
  return text.replace(/^(?:[ \t]*\r?\n)+/, '').replace(/(\n)[ \t\r\n]*$/, '$1');
}

/** Share of the lines between the first and the last that must be there. */
const MIN_ALIKE = 0.6;
const MIN_ANCHORED_LINES = 4;
const MAX_ANCHORED_LINES = 400;
/** Blocks that are compared; where there are more, the anchors say too little. */
const MAX_BLOCKS = 200;

/** A block whose first and last lines are right, and most of what is between them. */
function findByAnchors(content: string, { old, next }: ReplaceRequest): readonly Replacement[] {
  const wanted = splitLines(old).map((line) => plainPunctuation(line.text).trim());
  if (wanted.length < MIN_ANCHORED_LINES || wanted.length > MAX_ANCHORED_LINES) return [];
  const first = wanted[0];
  const last = wanted.at(-1);
  if (first === '' || last === '' || first === last) return [];
  const lines = splitLines(content);
  const have = lines.map((line) => plainPunctuation(line.text).trim());
  const spare = Math.max(1, Math.floor(wanted.length / 5));
  const found: Replacement[] = [];
  let blocks = 0;
  for (let at = have.indexOf(first ?? ''); at >= 0; at = have.indexOf(first ?? '', at + 1)) {
    for (let size = wanted.length - spare; size <= wanted.length + spare; size++) {
      if (size < 2 || have[at + size - 1] !== last) continue;
      if (++blocks > MAX_BLOCKS) return [];
      if (alikeShare(have.slice(at + 1, at + size - 1), wanted.slice(1, -1)) < MIN_ALIKE) continue;
      const run = lines.slice(at, at + size);
      const to = indentOf(run[0]?.text ?? '');
      found.push(replaceLines(content, run, { old, next: reindent(next, new Map([[indentOf(old), to]])) }));
    }
  }
  return found;
}

/** Share of the lines of both that the other has too, in any order. */
function alikeShare(have: readonly string[], wanted: readonly string[]): number {
  const counts = new Map<string, number>();
  for (const line of have) counts.set(line, (counts.get(line) ?? 0) + 1);
  let alike = 0;
  for (const line of wanted) {
    const left = counts.get(line) ?? 0;
    if (left === 0) continue;
    counts.set(line, left - 1);
    alike++;
  }
  return alike / Math.max(have.length, wanted.length, 1);
}
