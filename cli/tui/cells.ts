// Text as terminal cells: how wide it is, and where its lines end. A cell holds one grapheme with the style it is shown in.

export interface Cell {
  text: string;
  /** 0, 1 or 2 columns. */
  width: number;
  /** SGR parameters such as "1;36"; '' = plain. */
  style: string;
}

export type Line = readonly Cell[];

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
// oxlint-disable-next-line no-control-regex
const ASCII = /^[\u0000-\u007f]*$/;
// East Asian Wide and Fullwidth ranges (https://www.unicode.org/reports/tr11/, read 2026-11-21), the blocks in common use.
const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}]/u;
const EMOJI = /^(?:\p{Emoji_Presentation}|\p{Emoji}\ufe0f|\p{Regional_Indicator}{2})/u;
const NO_WIDTH = /^[\p{M}\p{Cf}]+$/u;

/** Columns that one grapheme takes. */
export function graphemeWidth(grapheme: string): number {
  if (grapheme.length === 1 && grapheme < '\u0300') return grapheme >= ' ' ? 1 : 0;
  if (WIDE.test(grapheme) || EMOJI.test(grapheme)) return 2;
  return NO_WIDTH.test(grapheme) ? 0 : 1;
}

/** The graphemes of `text`, tabs as four blanks. */
export function splitGraphemes(text: string): readonly string[] {
  const expanded = text.replaceAll('\t', '    ');
  return ASCII.test(expanded) ? expanded.split('') : Array.from(graphemes.segment(expanded), ({ segment }) => segment);
}

export function makeCells(text: string, style = ''): Cell[] {
  return splitGraphemes(text).map((grapheme) => ({ text: grapheme, width: graphemeWidth(grapheme), style }));
}

export function lineWidth(line: Line): number {
  return line.reduce((sum, cell) => sum + cell.width, 0);
}

export function textWidth(text: string): number {
  return splitGraphemes(text).reduce((sum, grapheme) => sum + graphemeWidth(grapheme), 0);
}

/**
 * Breaks at newlines, then between words (East Asian characters count as words), then anywhere. No line is wider than `width`
 * columns, which counts as 2 at least. `hard`: only anywhere, keeping all blanks, for code.
 */
export function wrapCells(cells: Line, width: number, hard = false): Line[] {
  const max = Math.max(2, width);
  const lines: Line[] = [];
  let line: Cell[] = [];
  let used = 0;
  /** Where the next line may begin; 0 = nowhere. */
  let breakAt = 0;
  const begin = (rest: Cell[]) => {
    line = rest;
    used = lineWidth(rest);
    breakAt = 0;
  };
  for (const cell of cells) {
    if (cell.text === '\n') {
      lines.push(line);
      begin([]);
      continue;
    }
    if (used + cell.width > max) {
      if (hard || (breakAt === 0 && cell.text !== ' ')) {
        lines.push(line);
        begin([]);
      } else if (cell.text === ' ') {
        lines.push(withoutTrailingBlanks(line));
        begin([]);
        continue;
      } else {
        lines.push(withoutTrailingBlanks(line.slice(0, breakAt)));
        begin(line.slice(breakAt));
      }
    }
    line.push(cell);
    used += cell.width;
    if (cell.text === ' ' || cell.width === 2) breakAt = line.length;
  }
  lines.push(line);
  return lines;
}

/** The line with its styles as escape sequences, or bare without `color`. Blanks at its end are left out. */
export function paintLine(line: Line, color: boolean): string {
  const cells = withoutTrailingBlanks(line);
  if (!color) return cells.map((cell) => cell.text).join('');
  let painted = '';
  let style = '';
  for (const cell of cells) {
    if (cell.style !== style) {
      if (style !== '') painted += '\u001b[0m';
      if (cell.style !== '') painted += `\u001b[${cell.style}m`;
      style = cell.style;
    }
    painted += cell.text;
  }
  return style === '' ? painted : `${painted}\u001b[0m`;
}

function withoutTrailingBlanks(line: Line): Line {
  let end = line.length;
  while (end > 0 && line[end - 1]?.text === ' ') end--;
  return end === line.length ? line : line.slice(0, end);
}
