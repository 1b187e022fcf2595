// Text with marks → what the server's text_mode "styled" parses back to them: **bold**, *italic*, ***both***, ~strike~, `mono`, with a
// backslash before a mark that is meant as it is (https://github.com/bbernhard/signal-cli-rest-api/blob/master/src/utils/textstyleparser.go,
// read 2026-11-21). That parser has no pairs to look ahead for: stars that touch each other, or a literal star or backslash before a mark,
// would be read as something else, and then text would be lost. In such places it is the style that is given up.
import type { RichText, Style } from './rich.ts';

interface Run {
  text: string;
  styles: ReadonlySet<Style>;
}

const NO_STYLE: ReadonlySet<Style> = new Set();

/** Undefined when nothing is styled: then the text goes out as it is, in the mode "normal". */
export function toStyledText(rich: RichText): string | undefined {
  const runs = settleStars(settleEdges(splitRuns(rich)));
  if (runs.every((run) => run.styles.size === 0)) return undefined;
  return writeRuns(runs);
}

function splitRuns({ text, marks }: RichText): readonly Run[] {
  const edges = new Set([0, text.length, ...marks.flatMap((mark) => [mark.from, mark.to])]);
  const sorted = [...edges].sort((a, b) => a - b);
  const runs = sorted.slice(1).map((to, i): Run => {
    const from = sorted[i] ?? 0;
    const covering = marks.filter((mark) => mark.from <= from && mark.to >= to);
    return { text: text.slice(from, to), styles: new Set(covering.map((mark) => mark.style)) };
  });
  return merge(runs);
}

function merge(runs: readonly Run[]): readonly Run[] {
  const merged: Run[] = [];
  for (const run of runs) {
    const last = merged.at(-1);
    if (run.text === '') continue;
    if (last && sameStyles(last.styles, run.styles)) merged.splice(-1, 1, { ...last, text: last.text + run.text });
    else merged.push(run);
  }
  return merged;
}

function sameStyles(a: ReadonlySet<Style>, b: ReadonlySet<Style>): boolean {
  return a.size === b.size && [...a].every((style) => b.has(style));
}

/** No mark directly behind a literal backslash, no star of a mark directly behind a literal star. */
function settleEdges(runs: readonly Run[]): readonly Run[] {
  const settled: Run[] = [];
  for (const run of runs) {
    const last = settled.at(-1)?.text.at(-1);
    const styles = last === '\\' ? NO_STYLE : last === '*' ? without(run.styles, ['bold', 'italic']) : run.styles;
    const inner = styles.size === 0 ? run.text : run.text.replace(/[*\\]+$/, '');
    if (inner !== '') settled.push({ text: inner, styles });
    if (inner !== run.text) settled.push({ text: run.text.slice(inner.length), styles: NO_STYLE });
  }
  return merge(settled);
}

function without(styles: ReadonlySet<Style>, dropped: readonly Style[]): ReadonlySet<Style> {
  return new Set([...styles].filter((style) => !dropped.includes(style)));
}

const isStarred = ({ styles }: Run) => styles.has('bold') || styles.has('italic');

/** Among runs in a row that are bold or italic, one style lasts through all, and the other begins and ends strictly inside. */
function settleStars(runs: readonly Run[]): readonly Run[] {
  const settled: Run[] = [];
  for (let at = 0; at < runs.length;) {
    const length = runs.slice(at).findIndex((run) => !isStarred(run));
    const end = length < 0 ? runs.length : at + Math.max(length, 1);
    const row = runs.slice(at, end);
    settled.push(...settleRow(row));
    at = end;
  }
  return merge(settled);
}

function settleRow(row: readonly Run[]): readonly Run[] {
  const isAll = (style: Style) => row.every((run) => run.styles.has(style));
  const inner: Style | undefined = isAll('bold') ? 'italic' : isAll('italic') ? 'bold' : undefined;
  if (inner === undefined) return row.map((run) => ({ ...run, styles: without(run.styles, ['italic']) }));
  if (isAll(inner)) return row;
  // The row is not of one style, so a first or last run that has both would open or close both at once.
  const clean = row.map((run, i) =>
    i === 0 || i === row.length - 1 ? { ...run, styles: without(run.styles, [inner]) } : run,
  );
  return clean;
}

function writeRuns(runs: readonly Run[]): string {
  let out = '';
  let open: readonly string[] = [];
  runs.forEach((run, i) => {
    const wanted = marksOf(run, outerStar(runs, i));
    const common = wanted.findIndex((mark, level) => mark !== open[level]);
    const kept = common < 0 ? Math.min(wanted.length, open.length) : common;
    out += open.slice(kept).toReversed().join('') + wanted.slice(kept).join('') + escapeText(run.text);
    open = wanted;
  });
  return out + open.toReversed().join('');
}

/** The star that lasts through the row of starred runs around run `at`. */
function outerStar(runs: readonly Run[], at: number): '' | '*' | '**' | '***' {
  const run = runs[at];
  if (!run || !isStarred(run)) return '';
  let from = at;
  let to = at;
  for (let before = runs[from - 1]; before && isStarred(before); before = runs[from - 1]) from--;
  for (let after = runs[to + 1]; after && isStarred(after); after = runs[to + 1]) to++;
  const row = runs.slice(from, to + 1);
  const isBold = row.every((one) => one.styles.has('bold'));
  const isItalic = row.every((one) => one.styles.has('italic'));
  return isBold && isItalic ? '***' : isBold ? '**' : '*';
}

/** From the outside in, always in this order, so that a style that goes on needs not be opened again inside stars. */
function marksOf({ styles }: Run, outer: '' | '*' | '**' | '***'): readonly string[] {
  const marks: string[] = outer === '' ? [] : [outer];
  if (outer === '**' && styles.has('italic')) marks.push('*');
  if (outer === '*' && styles.has('bold')) marks.push('**');
  if (styles.has('strike')) marks.push('~');
  if (styles.has('mono')) marks.push('`');
  return marks;
}

function escapeText(text: string): string {
  return text.replace(/[*`|~]/g, '\\$&');
}
