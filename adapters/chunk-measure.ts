// How much of a platform's limit blocks take: as markdown and as plain text, whichever is longer, since a part may be sent as either.
import { measureText, type TextUnit } from '../shared/text.ts';
import { plainText, serializeMarkdown, type Block, type Inline } from './markdown.ts';

export interface TextLimit {
  max: number;
  unit: TextUnit;
}

export interface Size {
  markdown: number;
  plain: number;
}

export const NO_SIZE: Size = { markdown: 0, plain: 0 };

export function sizeOf(blocks: readonly Block[], unit: TextUnit): Size {
  return {
    markdown: measureText(serializeMarkdown(blocks), unit),
    plain: measureText(plainText(blocks), unit),
  };
}

export function largest(size: Size): number {
  return Math.max(size.markdown, size.plain);
}

/** Sizes of neighbours add up exactly; `join` is what stands between them. */
export function addSizes(a: Size, b: Size, join: number): Size {
  if (a === NO_SIZE) return b;
  return { markdown: a.markdown + b.markdown + join, plain: a.plain + b.plain + join };
}

/** The size of a block, or undefined when it is over the limit. Huge blocks are refused without being written out. */
export function sizeWithin(block: Block, limit: TextLimit): Size | undefined {
  // Two UTF-16 units are one code point at most; in the other units a text is never shorter than this.
  if (countChars([block], 2 * limit.max) > 2 * limit.max) return undefined;
  const size = sizeOf([block], limit.unit);
  return largest(size) <= limit.max ? size : undefined;
}

/** UTF-16 units of text that the blocks have at least, not counted much further than `enough`. */
function countChars(blocks: readonly Block[], enough: number): number {
  let count = 0;
  for (const block of blocks) {
    if (count > enough) return count;
    count += countBlockChars(block, enough - count);
  }
  return count;
}

function countBlockChars(block: Block, enough: number): number {
  switch (block.type) {
    case 'paragraph':
    case 'heading':
      return countInlineChars(block.children, enough);
    case 'code':
      return block.text.length;
    case 'quote':
      return countChars(block.children, enough);
    case 'list':
      return countUntil(block.items, enough, (item, left) => 2 + countChars(item.children, left));
    case 'table':
      // A cell has its bars around it, also when nothing is in it: else each part of a table without words would look through all of it.
      return countUntil(
        block.rows,
        enough,
        (row, left) => 3 * block.header.length + countUntil(row, left, countInlineChars),
      );
    case 'rule':
      return 3;
  }
}

function countInlineChars(nodes: readonly Inline[], enough: number): number {
  return countUntil(nodes, enough, (node, left) => {
    if (node.type === 'text' || node.type === 'code') return node.text.length;
    return 'children' in node ? countInlineChars(node.children, left) : 1;
  });
}

function countUntil<T>(things: readonly T[], enough: number, count: (thing: T, left: number) => number): number {
  let sum = 0;
  for (const thing of things) {
    if (sum > enough) break;
    sum += count(thing, enough - sum);
  }
  return sum;
}
