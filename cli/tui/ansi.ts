// Markdown tree to lines of a terminal. Every line fits the width; without color no escape sequence is written at all.
import type { Block, Inline, ListItem } from '../../adapters/markdown.ts';
import { lineWidth, makeCells, paintLine, wrapCells, type Cell, type Line } from './cells.ts';

export interface AnsiOptions {
  /** Columns. */
  width: number;
  color: boolean;
}

const BOLD = '1';
const DIM = '2';
const ITALIC = '3';
const UNDERLINE = '4';
const STRIKE = '9';
const CODE = '36';
const HEADING = '1;35';

/** Lines without newlines at their ends; [] for an empty tree. */
export function renderAnsi(body: readonly Block[], options: AnsiOptions): string[] {
  return renderBlocks(body, Math.max(8, options.width), true).map((line) => paintLine(line, options.color));
}

function renderBlocks(blocks: readonly Block[], width: number, spaced: boolean): Line[] {
  return blocks.flatMap((block, index) => {
    const lines = renderBlock(block, width);
    return index > 0 && spaced ? [[], ...lines] : lines;
  });
}

function renderBlock(block: Block, width: number): Line[] {
  switch (block.type) {
    case 'paragraph':
      return wrapCells(inlineCells(block.children, ''), width);
    case 'heading':
      return wrapCells(inlineCells(block.children, HEADING), width);
    case 'code':
      return renderCode(block.language, block.text, width);
    case 'quote':
      return indent(renderBlocks(block.children, width - 2, true), makeCells('│ ', DIM), makeCells('│ ', DIM));
    case 'list':
      return block.items.flatMap((item, index) =>
        renderItem(item, block.ordered ? `${block.start + index}. ` : '• ', width),
      );
    case 'table':
      return renderTable(block.header, block.rows, width);
    case 'rule':
      return [makeCells('─'.repeat(Math.min(width, 40)), DIM)];
  }
}

function renderItem(item: ListItem, bullet: string, width: number): Line[] {
  const mark = item.checked === undefined ? bullet : item.checked ? '☑ ' : '☐ ';
  const isTight = item.children.every((block) => block.type === 'paragraph' || block.type === 'list');
  const lines = renderBlocks(item.children, width - mark.length, !isTight);
  return indent(lines.length === 0 ? [[]] : lines, makeCells(mark, DIM), makeCells(' '.repeat(mark.length)));
}

function renderCode(language: string, text: string, width: number): Line[] {
  const lines = wrapCells(makeCells(text, CODE), width - 2, true);
  const shown = indent(lines, makeCells('  '), makeCells('  '));
  return language === '' ? shown : [makeCells(`  ${language}`, DIM).slice(0, width), ...shown];
}

type Row = readonly (readonly Inline[])[];

/** Columns when they fit, else one record per row. */
function renderTable(header: Row, rows: readonly Row[], width: number): Line[] {
  const cells = [header, ...rows].map((row, index) =>
    header.map((_, column) => {
      const cell = inlineCells(row[column] ?? [], index === 0 ? BOLD : '');
      return cell.filter((part) => part.text !== '\n');
    }),
  );
  const widths = header.map((_, column) => Math.max(...cells.map((row) => lineWidth(row[column] ?? []))));
  const total = widths.reduce((sum, one) => sum + one, 3 * (widths.length - 1));
  const [head = [], ...body] = cells;
  if (total > width) return renderRecords(head, body, width);
  const bar = makeCells(' │ ', DIM);
  const line = (row: readonly Line[]) =>
    row.flatMap((cell, column) => [...(column > 0 ? bar : []), ...padded(cell, widths[column] ?? 0)]);
  const rule = makeCells(widths.map((one) => '─'.repeat(one)).join('─┼─'), DIM);
  return [line(head), rule, ...body.map(line)];
}

function renderRecords(head: readonly Line[], body: readonly (readonly Line[])[], width: number): Line[] {
  return body.flatMap((row, index) => {
    const lines = row.flatMap((cell, column) =>
      wrapCells([...(head[column] ?? []), ...makeCells(': '), ...cell], width),
    );
    return index > 0 ? [[], ...lines] : lines;
  });
}

function padded(cell: Line, width: number): Line {
  return [...cell, ...makeCells(' '.repeat(Math.max(0, width - lineWidth(cell))))];
}

function inlineCells(inlines: readonly Inline[], style: string): Cell[] {
  return inlines.flatMap((inline) => inlineCell(inline, style));
}

function inlineCell(inline: Inline, style: string): Cell[] {
  switch (inline.type) {
    case 'text':
      return makeCells(inline.text, style);
    case 'code':
      return makeCells(inline.text, join(style, CODE));
    case 'bold':
      return inlineCells(inline.children, join(style, BOLD));
    case 'italic':
      return inlineCells(inline.children, join(style, ITALIC));
    case 'strike':
      return inlineCells(inline.children, join(style, STRIKE));
    case 'link':
      return linkCells(inlineCells(inline.children, join(style, UNDERLINE)), inline.href, style);
    case 'image':
      return linkCells(makeCells(inline.alt === '' ? 'image' : inline.alt, join(style, UNDERLINE)), inline.href, style);
    case 'break':
      return makeCells('\n', style);
  }
}

/** The address is shown: a terminal has no other way to tell where a link goes. */
function linkCells(label: Cell[], href: string, style: string): Cell[] {
  const text = label.map((cell) => cell.text).join('');
  if (text === href || `mailto:${text}` === href) return label;
  return [...label, ...makeCells(` (${href})`, join(style, DIM))];
}

function indent(lines: readonly Line[], first: Line, rest: Line): Line[] {
  return lines.map((line, index) => [...(index === 0 ? first : rest), ...line]);
}

function join(a: string, b: string): string {
  return a === '' ? b : `${a};${b}`;
}
