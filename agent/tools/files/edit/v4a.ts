// Patches of the form `*** Begin Patch` (V4A): reading them, and carrying out the part of one file. Pure.
import { lineEnding, plainPunctuation, splitLines, type Line } from './lines.ts';

interface HunkLine {
  /** Kept, removed or added. */
  op: ' ' | '-' | '+';
  text: string;
}

export interface Hunk {
  /** Lines of `@@`, outermost first: the change comes after them. */
  anchors: readonly string[];
  lines: readonly HunkLine[];
  /** True with `*** End of File`: the old lines are the last ones. */
  atEnd: boolean;
}

export type FilePatch =
  | { kind: 'add'; path: string; text: string }
  | { kind: 'delete'; path: string }
  | { kind: 'update'; path: string; moveTo: string | undefined; hunks: readonly Hunk[] };

export type ParsedPatch = { ok: true; files: readonly FilePatch[] } | { ok: false; problem: string };

const HEADER = /^\*\*\* (Update|Add|Delete) File: (.+)$/;
const MOVE = /^\*\*\* Move to: (.+)$/;
const MAX_FILES = 50;

export function parsePatch(patch: string): ParsedPatch {
  const all = patch.replace(/\r\n/g, '\n').split('\n');
  const begin = all.findIndex((line) => line.trim() === '*** Begin Patch');
  const end = all.findLastIndex((line) => line.trim() === '*** End Patch');
  if (begin < 0 || end < begin) return wrong('it must stand between "*** Begin Patch" and "*** End Patch"');
  const files: FilePatch[] = [];
  for (let at = begin + 1; at < end;) {
    const line = all[at] ?? '';
    const header = HEADER.exec(line.trimEnd());
    if (!header) {
      if (line.trim() !== '') return wrong(`line ${at + 1} belongs to no file: ${line.slice(0, 80)}`);
      at++;
      continue;
    }
    let stop = at + 1;
    while (stop < end && !HEADER.test((all[stop] ?? '').trimEnd())) stop++;
    const parsed = parseFile({ verb: header[1] ?? '', path: (header[2] ?? '').trim() }, all.slice(at + 1, stop));
    if ('problem' in parsed) return wrong(`${header[2]}: ${parsed.problem}`);
    files.push(parsed);
    at = stop;
  }
  if (files.length === 0) return wrong('it names no file');
  return files.length > MAX_FILES ? wrong(`it names more than ${MAX_FILES} files`) : { ok: true, files };
}

function wrong(problem: string): ParsedPatch {
  return { ok: false, problem };
}

function parseFile(
  { verb, path }: { verb: string; path: string },
  body: readonly string[],
): FilePatch | { problem: string } {
  switch (verb) {
    case 'Delete':
      return body.every((line) => line.trim() === '')
        ? { kind: 'delete', path }
        : { problem: 'lines follow a deletion' };
    case 'Add':
      return parseAdded(path, body);
    default: {
      const move = MOVE.exec((body[0] ?? '').trimEnd());
      const hunks = parseHunks(move ? body.slice(1) : body);
      if (typeof hunks === 'string') return { problem: hunks };
      if (hunks.length === 0 && !move) return { problem: 'it changes nothing' };
      return { kind: 'update', path, moveTo: move?.[1]?.trim(), hunks };
    }
  }
}

function parseAdded(path: string, body: readonly string[]): FilePatch | { problem: string } {
  const lines = [...body];
  while (lines.at(-1)?.trim() === '') lines.pop();
  if (!lines.every((line) => line.startsWith('+'))) return { problem: 'each line of a new file begins with +' };
  return { kind: 'add', path, text: lines.map((line) => `${line.slice(1)}\n`).join('') };
}

function parseHunks(body: readonly string[]): Hunk[] | string {
  const hunks: Hunk[] = [];
  let anchors: string[] = [];
  let lines: HunkLine[] = [];
  const finish = (atEnd: boolean): void => {
    // Empty lines between hunks are layout, not context.
    while (!atEnd && lines.at(-1)?.op === ' ' && lines.at(-1)?.text === '') lines.pop();
    if (lines.some((line) => line.op !== ' ')) {
      hunks.push({ anchors, lines, atEnd });
      anchors = [];
    }
    lines = [];
  };
  for (const line of body) {
    const op = line[0] ?? ' ';
    if (line.startsWith('@@')) {
      finish(false);
      // Positions of other kinds of patches say nothing reliable.
      const anchor = line
        .slice(2)
        .replace(/^ ?-\d+(,\d+)? \+\d+(,\d+)? @@/, '')
        .trim();
      if (anchor !== '') anchors.push(anchor);
    } else if (line.trimEnd() === '*** End of File') finish(true);
    else if (op === '+' || op === '-' || op === ' ') lines.push({ op, text: line.slice(1) });
    else return `this line begins with none of "+", "-", " " and "@@": ${line.slice(0, 80)}`;
  }
  finish(false);
  return hunks;
}

export type AppliedHunks =
  | { ok: true; text: string; /** Hunks that were found in a looser way. */ loose: number }
  | { ok: false; problem: string };

/** `content` after the hunks, in their order. */
export function applyHunks(content: string, hunks: readonly Hunk[]): AppliedHunks {
  const lines = splitLines(content);
  const ending = lineEnding(content);
  let loose = 0;
  let from = 0;
  let text = '';
  let copied = 0;
  for (const [i, hunk] of hunks.entries()) {
    const old = oldLines(hunk);
    const place = findHunk(lines, hunk, { old, from });
    if ('problem' in place) return { ok: false, problem: `change ${i + 1} of ${hunks.length}: ${place.problem}` };
    if (place.isLoose) loose++;
    const found = lines.slice(place.at, place.at + old.length);
    const start = lines[place.at]?.start ?? content.length;
    const end = found.at(-1)?.next ?? start;
    text += content.slice(copied, start);
    const next = nextLines(hunk, found);
    // What comes after the last line needs that line to end.
    if (next.length > 0 && text !== '' && !text.endsWith('\n')) text += ending;
    text += next.map((line) => line.text + (line.ending ?? ending)).join('');
    const isOpen = found.length > 0 && end === content.length && !content.endsWith('\n');
    if (isOpen && text.endsWith(ending)) text = text.slice(0, -ending.length);
    copied = end;
    from = place.at + old.length;
  }
  return { ok: true, text: text + content.slice(copied), loose };
}

function oldLines(hunk: Hunk): readonly string[] {
  return hunk.lines.filter((line) => line.op !== '+').map((line) => line.text);
}

/** The new lines; those that are kept are as the file has them. */
function nextLines(hunk: Hunk, found: readonly Line[]): readonly { text: string; ending?: string }[] {
  let at = 0;
  const next: { text: string; ending?: string }[] = [];
  for (const { op, text } of hunk.lines) {
    const line = op === '+' ? undefined : found[at++];
    if (op === '+') next.push({ text });
    else if (op === ' ' && line)
      next.push({ text: line.text, ...(line.next > line.end ? { ending: endingOf(line) } : {}) });
  }
  return next;
}

function endingOf(line: Line): string {
  return line.next - line.end === 2 ? '\r\n' : '\n';
}

const NORMS: readonly ((line: string) => string)[] = [
  (line) => line,
  (line) => line.trimEnd(),
  (line) => plainPunctuation(line).trimEnd(),
];

type Place = { at: number; isLoose: boolean } | { problem: string };

function findHunk(lines: readonly Line[], hunk: Hunk, { old, from }: { old: readonly string[]; from: number }): Place {
  let start = from;
  for (const anchor of hunk.anchors) {
    const found = findAnchor(lines, anchor, start);
    if (typeof found === 'string') return { problem: found };
    start = found + 1;
  }
  if (old.length === 0) {
    if (hunk.atEnd || lines.length === 0) return { at: lines.length, isLoose: false };
    if (hunk.anchors.length > 0) return { at: start, isLoose: false };
    return { problem: 'it only adds lines and does not say where: give lines around it, or @@ and a line before it' };
  }
  for (const [i, norm] of NORMS.entries()) {
    const found = findAll(lines, { wanted: old, start, norm }).filter(
      (at) => !hunk.atEnd || at + old.length === lines.length,
    );
    // An anchor means the next place after it; without one there must be a single place.
    const [at, other] = found;
    if (at === undefined) continue;
    if (other !== undefined && hunk.anchors.length === 0)
      return { problem: `its lines stand in several places (${placesText(found)}): give more lines around it, or @@` };
    return { at, isLoose: i > 0 };
  }
  return { problem: `its lines are not in the file${start > 0 ? ` after line ${start}` : ''}: ${firstText(old)}` };
}

function findAnchor(lines: readonly Line[], anchor: string, from: number): number | string {
  for (const fits of [
    (line: string) => line === anchor,
    (line: string) => line.trim() === anchor,
    (line: string) => plainPunctuation(line).includes(plainPunctuation(anchor)),
  ]) {
    const found = lines.flatMap((line, i) => (i >= from && fits(line.text) ? [i] : []));
    if (found.length > 1) return `the line "@@ ${anchor}" is there several times (${placesText(found)})`;
    if (found[0] !== undefined) return found[0];
  }
  return `the line "@@ ${anchor}" is not in the file`;
}

function findAll(
  lines: readonly Line[],
  { wanted, start, norm }: { wanted: readonly string[]; start: number; norm: (line: string) => string },
): number[] {
  const have = lines.map((line) => norm(line.text));
  const want = wanted.map(norm);
  const found: number[] = [];
  for (let at = start; at + want.length <= have.length; at++)
    if (want.every((line, i) => have[at + i] === line)) found.push(at);
  return found;
}

function placesText(found: readonly number[]): string {
  const told = found.slice(0, 10).map((at) => at + 1);
  return `lines ${told.join(', ')}${found.length > told.length ? ' …' : ''}`;
}

function firstText(lines: readonly string[]): string {
  return JSON.stringify((lines.find((line) => line.trim() !== '') ?? '').slice(0, 120));
}
