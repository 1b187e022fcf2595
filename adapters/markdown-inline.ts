// Inline tokens of markdown-it → our Inline nodes. Iterative, so that no nesting overflows the stack, and normalizing: a style inside
// the same style is dropped and equal neighbours are merged, which is what makes serialize and parse exact inverses.
import type { Token } from 'markdown-it';
import { cleanText } from '../shared/text.ts';
import type { Inline } from './markdown-tree.ts';

type Style = 'bold' | 'italic' | 'strike';

interface Frame {
  style: Style | 'link' | 'root';
  href: string;
  children: Inline[];
}

const STYLES: Record<string, Style> = { strong: 'bold', em: 'italic', s: 'strike' };

export interface InlineOptions {
  /** What a line break becomes; a heading has no lines. */
  breaks: 'keep' | 'space';
  /** In table cells, where nothing else can, `<br>` breaks the line. */
  brTags: boolean;
}

export function readInline(tokens: readonly Token[], options: InlineOptions): Inline[] {
  const stack: Frame[] = [{ style: 'root', href: '', children: [] }];
  const top = (): Frame => stack.at(-1) ?? { style: 'root', href: '', children: [] };
  for (const token of tokens) {
    const style = STYLES[token.tag];
    if (style && token.nesting !== 0) {
      if (token.nesting === 1) stack.push({ style, href: '', children: [] });
      else closeFrame(stack);
    } else if (token.type === 'link_open') {
      stack.push({ style: 'link', href: String(token.attrGet('href') ?? ''), children: [] });
    } else if (token.type === 'link_close') closeFrame(stack);
    else for (const node of readLeaf(token, options)) append(top().children, node);
  }
  while (stack.length > 1) closeFrame(stack);
  return top().children;
}

/** Ends the innermost style: drops it when it is empty or already in force, else adds it to its parent. */
function closeFrame(stack: Frame[]): void {
  const frame = stack.pop();
  const parent = stack.at(-1);
  if (!frame || !parent) return;
  const inForce = stack.some((outer) => outer.style === frame.style);
  if (frame.style === 'root' || inForce) {
    for (const child of frame.children) append(parent.children, child);
  } else if (frame.style === 'link') {
    const label = frame.children.length > 0 ? frame.children : [{ type: 'text', text: frame.href } as const];
    append(parent.children, { type: 'link', href: frame.href, children: label });
  } else {
    const { before, inner, after } = takeEdgeBreaks(frame.children);
    parent.children.push(...before);
    if (inner.length > 0) append(parent.children, { type: frame.style, children: inner });
    parent.children.push(...after);
  }
}

/** Line breaks at the edges of a style belong outside of it: no mark could be written next to them. */
function takeEdgeBreaks(nodes: readonly Inline[]): Record<'before' | 'inner' | 'after', readonly Inline[]> {
  const isBreak = (node: Inline) => node.type === 'break';
  const from = nodes.findIndex((node) => !isBreak(node));
  if (from < 0) return { before: nodes, inner: [], after: [] };
  const to = nodes.findLastIndex((node) => !isBreak(node)) + 1;
  return { before: nodes.slice(0, from), inner: nodes.slice(from, to), after: nodes.slice(to) };
}

/** Without line breaks at either end: a paragraph neither starts nor ends with one. */
export function trimBreaks(nodes: readonly Inline[]): readonly Inline[] {
  return takeEdgeBreaks(nodes).inner;
}

/** Adds a node, merging it with an equal neighbour. Two links side by side stay two. */
export function append(nodes: Inline[], node: Inline): void {
  const last = nodes.at(-1);
  if (node.type === 'text' && last?.type === 'text') {
    nodes[nodes.length - 1] = { type: 'text', text: last.text + node.text };
  } else if (node.type === 'code' && last?.type === 'code') {
    // Written side by side, their backticks would run together.
    nodes[nodes.length - 1] = { type: 'code', text: last.text + node.text };
  } else if (isStyled(node) && last && isStyled(last) && last.type === node.type) {
    const children = [...last.children];
    for (const child of node.children) append(children, child);
    nodes[nodes.length - 1] = { type: node.type, children };
  } else nodes.push(node);
}

function isStyled(node: Inline): node is Extract<Inline, { type: Style }> {
  return node.type === 'bold' || node.type === 'italic' || node.type === 'strike';
}

function readLeaf(token: Token, options: InlineOptions): Inline[] {
  switch (token.type) {
    case 'code_inline': {
      const text = cleanText(token.content).replaceAll('\n', ' ');
      return text === '' ? [] : [{ type: 'code', text }];
    }
    case 'image':
      return [readImage(token)];
    case 'softbreak':
    case 'hardbreak':
      return options.breaks === 'keep' ? [{ type: 'break' }] : [{ type: 'text', text: ' ' }];
    default:
      return readText(token.content, options);
  }
}

function readImage(token: Token): Inline {
  const alt = (token.children ?? [])
    .map((child) => child.content || (child.type.endsWith('break') ? ' ' : ''))
    .join('');
  return { type: 'image', href: String(token.attrGet('src') ?? ''), alt: oneLine(alt) };
}

/** Entities can smuggle in what cleaning the source took out. */
function oneLine(text: string): string {
  return cleanText(text).replaceAll('\n', ' ');
}

function readText(content: string, options: InlineOptions): Inline[] {
  if (content === '') return [];
  const pieces = options.brTags ? content.split(/<br *\/?>/i) : [content];
  return pieces.flatMap((piece, i): Inline[] => {
    const text = oneLine(piece);
    const words: Inline[] = text === '' ? [] : [{ type: 'text', text }];
    return i === 0 ? words : [{ type: 'break' }, ...words];
  });
}
