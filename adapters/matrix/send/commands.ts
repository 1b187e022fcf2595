// Commands as they can be typed in Matrix: apps such as Element keep lines that begin with a slash for themselves, so `/help` is written
// `!help`. The core takes both.
import type { Block, Inline, ListItem } from '../../markdown.ts';

/** Only code that begins with one of `names` is a command; everything else stays. */
export function writeCommands(blocks: readonly Block[], names: ReadonlySet<string>): readonly Block[] {
  return blocks.map((block) => writeInBlock(block, names));
}

function writeInBlock(block: Block, names: ReadonlySet<string>): Block {
  const write = (nodes: readonly Inline[]) => nodes.map((node) => writeInNode(node, names));
  switch (block.type) {
    case 'paragraph':
    case 'heading':
      return { ...block, children: write(block.children) };
    case 'quote':
      return { ...block, children: writeCommands(block.children, names) };
    case 'list':
      return {
        ...block,
        items: block.items.map((item): ListItem => ({ ...item, children: writeCommands(item.children, names) })),
      };
    case 'table':
      return { ...block, header: block.header.map(write), rows: block.rows.map((row) => row.map(write)) };
    case 'code':
    case 'rule':
      return block;
  }
}

function writeInNode(node: Inline, names: ReadonlySet<string>): Inline {
  if ('children' in node) return { ...node, children: node.children.map((child) => writeInNode(child, names)) };
  if (node.type !== 'code') return node;
  const name = /^\/([a-z][a-z0-9_-]*)(?=\s|$)/i.exec(node.text)?.[1];
  return name !== undefined && names.has(name.toLowerCase()) ? { ...node, text: `!${node.text.slice(1)}` } : node;
}
