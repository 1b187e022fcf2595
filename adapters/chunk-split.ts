// Takes from one block what fits into a room: fences are closed and opened again, table headers repeated, lists keep their numbers.
import { takePrefix } from '../shared/text.ts';
import { splitInlines } from './chunk-inline.ts';
import { addSizes, largest, NO_SIZE, sizeOf, sizeWithin, type Size, type TextLimit } from './chunk-measure.ts';
import type { Block, Inline, ListItem } from './markdown.ts';
import { codeFence } from './markdown-serialize.ts';

export interface Split {
  head: Block;
  /** What is left, in order; may need splitting again. */
  rest: readonly Block[];
}

type BlockOf<Type extends Block['type']> = Extract<Block, { type: Type }>;

/** Cuts `block`, which does not fit into `room`. Undefined: nothing sensible of it fits; more room or `dissolve` may help. */
export function splitBlock(block: Block, room: number, limit: TextLimit): Split | undefined {
  switch (block.type) {
    case 'paragraph':
    case 'heading':
      return splitText(block, room, limit);
    case 'code':
      return splitCode(block, room, limit);
    case 'quote':
      return splitQuote(block, room, limit);
    case 'list':
      return splitList(block, room, limit);
    case 'table':
      return splitTable(block, room, limit);
    case 'rule':
      return undefined;
  }
}

/** The content of a block that cannot be cut even with all the room there is, as simpler blocks. */
export function dissolve(block: Block): readonly Block[] {
  switch (block.type) {
    case 'quote':
      return block.children;
    case 'list':
      return dissolveFirstItem(block);
    case 'table':
      return dissolveFirstRow(block);
    case 'code':
      return [{ type: 'paragraph', children: textLines(block.text) }];
    default:
      return [];
  }
}

function splitText(block: BlockOf<'paragraph' | 'heading'>, room: number, limit: TextLimit): Split | undefined {
  const [head, ...rest] = splitInlines(block.children, {
    first: room,
    later: limit.max,
    unit: limit.unit,
    size: (children) => largest(sizeOf([{ ...block, children }], limit.unit)),
  });
  if (!head || head.length === 0) return undefined;
  return {
    head: { ...block, children: head },
    rest: rest.flatMap((children) => (children ? [{ ...block, children }] : [])),
  };
}

/** Whole lines where possible, at an empty line if there is one in the second half. */
function splitCode(block: BlockOf<'code'>, room: number, limit: TextLimit): Split | undefined {
  const pieces: Block[] = [];
  for (let at = 0; at < block.text.length;) {
    const window = block.text.slice(at, at + limit.max + 1);
    const budget = (pieces.length === 0 ? room : limit.max) - 2 * codeFence(window).length - block.language.length - 2;
    if (budget < 12) return undefined;
    let text = takePrefix(window, budget, limit.unit);
    if (at + text.length < block.text.length) {
      const blank = text.lastIndexOf('\n\n');
      const newline = block.text[at + text.length] === '\n' ? text.length : text.lastIndexOf('\n');
      const cut = blank > text.length / 2 ? blank : newline;
      if (cut > 0) text = text.slice(0, cut);
    }
    pieces.push({ ...block, text });
    at += text.length;
    if (block.text[at] === '\n') at++;
  }
  const [head, ...rest] = pieces;
  return head && { head, rest };
}

function splitQuote(block: BlockOf<'quote'>, room: number, limit: TextLimit): Split | undefined {
  const wrap = (children: readonly Block[]): Block => ({ ...block, children });
  const split = splitChildren(block.children, wrap, room, limit);
  return split && { head: wrap(split.head), rest: split.rest.length > 0 ? [wrap(split.rest)] : [] };
}

/** As many children as fit once wrapped, the last of them perhaps in part. */
function splitChildren(
  children: readonly Block[],
  wrap: (children: readonly Block[]) => Block,
  room: number,
  limit: TextLimit,
): { head: readonly Block[]; rest: readonly Block[] } | undefined {
  // Joined children take a little more than alone: a blank line with its prefix.
  const join = 8;
  let used: Size = NO_SIZE;
  let count = 0;
  for (const child of children) {
    const size = sizeWithin(wrap([child]), { ...limit, max: room });
    const sum = size && addSizes(used, size, join);
    if (!sum || largest(sum) > room) break;
    used = sum;
    count++;
  }
  const head = children.slice(0, count);
  const next = children[count];
  if (!next) return undefined;
  const whole = sizeWithin(wrap([next]), limit);
  if (count > 0 && whole) return { head, rest: children.slice(count) };
  let inner = room - largest(used) - join;
  for (let attempt = 0; attempt < 12 && inner > 0; attempt++) {
    const split = splitBlock(next, inner, limit);
    if (!split) break;
    const excess = largest(sizeOf([wrap([...head, split.head])], limit.unit)) - room;
    if (excess <= 0) return { head: [...head, split.head], rest: [...split.rest, ...children.slice(count + 1)] };
    inner -= excess;
  }
  return count > 0 ? { head, rest: children.slice(count) } : undefined;
}

/** Whole items where possible. The rest of an item that was cut follows as blocks of its own, then the list goes on. */
function splitList(list: BlockOf<'list'>, room: number, limit: TextLimit): Split | undefined {
  const single = (item: ListItem, i: number): Block => ({ ...list, start: list.start + i, items: [item] });
  const after = (count: number): readonly Block[] =>
    count < list.items.length ? [{ ...list, start: list.start + count, items: list.items.slice(count) }] : [];
  let used: Size = NO_SIZE;
  let count = 0;
  for (const item of list.items) {
    const size = sizeWithin(single(item, count), { ...limit, max: room });
    const sum = size && addSizes(used, size, 1);
    if (!sum || largest(sum) > room) break;
    used = sum;
    count++;
  }
  const items = list.items.slice(0, count);
  const next = list.items[count];
  if (!next) return undefined;
  if (count > 0 || sizeWithin(single(next, count), limit)) {
    return count > 0 ? { head: { ...list, items }, rest: after(count) } : undefined;
  }
  const split = splitChildren(next.children, (children) => single({ ...next, children }, 0), room, limit);
  return split && { head: single({ ...next, children: split.head }, 0), rest: [...split.rest, ...after(1)] };
}

function dissolveFirstItem(list: BlockOf<'list'>): readonly Block[] {
  const [first, ...items] = list.items;
  if (!first) return [];
  const mark = list.ordered ? `${list.start}.` : '-';
  const box = first.checked === undefined ? '' : first.checked ? ' [x]' : ' [ ]';
  const label: Block = { type: 'paragraph', children: [{ type: 'text', text: mark + box }] };
  return [label, ...first.children, ...(items.length > 0 ? [{ ...list, start: list.start + 1, items }] : [])];
}

/** Whole rows, under the same header again. */
function splitTable(table: BlockOf<'table'>, room: number, limit: TextLimit): Split | undefined {
  const sizeOfRows = (count: number) =>
    sizeWithin({ ...table, rows: table.rows.slice(0, count) }, { ...limit, max: room });
  let low = 0;
  let high = 1;
  while (high < table.rows.length && sizeOfRows(high)) {
    low = high;
    high *= 2;
  }
  // Laid out as records a table may be shorter than as columns, so the sizes need not grow evenly: only what was measured counts.
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (sizeOfRows(middle)) low = middle;
    else high = middle;
  }
  if (low === 0) return undefined;
  const rows = table.rows.slice(low);
  return { head: { ...table, rows: table.rows.slice(0, low) }, rest: rows.length > 0 ? [{ ...table, rows }] : [] };
}

/** A row that alone is too long becomes text, one cell after the other with its header. */
function dissolveFirstRow(table: BlockOf<'table'>): readonly Block[] {
  const [first, ...rows] = table.rows;
  const cells = first ?? table.header;
  const labelled = cells.flatMap((cell, i): Block[] => {
    const label = first ? (table.header[i] ?? []) : [];
    const children: Inline[] = [
      ...label,
      ...(label.length > 0 ? [{ type: 'text', text: ': ' } as const] : []),
      ...cell,
    ];
    return children.length > 0 ? [{ type: 'paragraph', children }] : [];
  });
  return rows.length > 0 ? [...labelled, { ...table, rows }] : labelled;
}

function textLines(text: string): Inline[] {
  return text.split('\n').flatMap((line, i): Inline[] => {
    const words: Inline[] = line === '' ? [] : [{ type: 'text', text: line }];
    return i === 0 ? words : [{ type: 'break' }, ...words];
  });
}
