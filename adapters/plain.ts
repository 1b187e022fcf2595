// Our tree → readable text without markup. Tables are laid out here for every platform that has none.
import type { Block, Inline, ListItem } from './markdown-tree.ts';

/** A table wider than this (in character cells) is shown as records: in a chat its lines would wrap into noise. */
const MAX_TABLE_WIDTH = 76;

type Cells = readonly (readonly Inline[])[];

export function layOutBlocks(blocks: readonly Block[]): string {
  return joinBlocks(blocks, '\n\n');
}

function joinBlocks(blocks: readonly Block[], gap: string): string {
  return blocks.map(layOutBlock).join(gap);
}

function layOutBlock(block: Block): string {
  switch (block.type) {
    case 'paragraph':
    case 'heading':
      return layOutInlines(block.children);
    case 'code':
      return block.text;
    case 'quote':
      return layOutBlocks(block.children).replace(/^.*$/gm, (line) => (line === '' ? '>' : `> ${line}`));
    case 'list':
      return block.items.map((item, i) => layOutItem(item, block.ordered ? `${block.start + i}.` : '-')).join('\n');
    case 'table':
      return layOutTable(block.header, block.rows);
    case 'rule':
      return '---';
  }
}

function layOutItem(item: ListItem, bullet: string): string {
  const box = item.checked === undefined ? '' : item.checked ? '[x] ' : '[ ] ';
  const text = `${box}${joinBlocks(item.children, '\n')}`.trimEnd();
  const indent = ' '.repeat(bullet.length + 1);
  return `${bullet} ${text.replace(/\n(?!\n|$)/g, `\n${indent}`)}`.trimEnd();
}

/** Inline content as text: links as `label (url)`, images as `alt (url)`. */
export function layOutInlines(nodes: readonly Inline[]): string {
  return nodes.map(layOutInline).join('');
}

function layOutInline(node: Inline): string {
  switch (node.type) {
    case 'text':
    case 'code':
      return node.text;
    case 'break':
      return '\n';
    case 'link':
      return withTarget(layOutInlines(node.children), node.href);
    case 'image':
      return withTarget(node.alt, node.href);
    default:
      return layOutInlines(node.children);
  }
}

function withTarget(label: string, href: string): string {
  const bare = href.replace(/^(?:mailto|tel):/i, '');
  return label === '' || label === href || label === bare ? href : `${label} (${href})`;
}

/**
 * A table as text of fixed width: columns when they fit, else one record per row with `header: value` lines. Without a final newline.
 */
export function layOutTable(header: Cells, rows: readonly Cells[]): string {
  const text = [header, ...rows].map((cells) =>
    header.map((_, i) => layOutInlines(cells[i] ?? []).replaceAll('\n', ' ')),
  );
  const widths = header.map((_, i) =>
    text.reduce((widest, cells) => Math.max(widest, displayWidth(cells[i] ?? '')), 0),
  );
  const total = widths.reduce((sum, width) => sum + width, 3 * (widths.length - 1));
  const [head = [], ...body] = text;
  if (total > MAX_TABLE_WIDTH) return layOutRecords(head, body);
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => pad(cell, widths[i] ?? 0))
      .join(' | ')
      .trimEnd();
  return [line(head), widths.map((width) => '-'.repeat(width)).join('-+-'), ...body.map(line)].join('\n');
}

function layOutRecords(head: readonly string[], body: readonly (readonly string[])[]): string {
  if (body.length === 0) return head.join(' | ');
  const record = (cells: readonly string[]) =>
    cells.map((cell, i) => (head[i] ? `${head[i]}: ${cell}` : cell)).join('\n');
  return body.map(record).join('\n\n');
}

function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - displayWidth(text)));
}

/** Cells of a terminal or a fixed-width font: East Asian wide characters and emoji take two, combining marks none. */
function displayWidth(text: string): number {
  let width = 0;
  for (const point of text) width += WIDE.test(point) ? 2 : ZERO.test(point) ? 0 : 1;
  return width;
}

const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;
const ZERO = /\p{M}|\u200b|\u200c|\u200d|\ufe0f/u;
