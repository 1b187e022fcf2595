// Our tree → text with marks. The text is that of the plain rendering, by which parts are measured; only marks are added.
import type { Block, Inline, ListItem } from '../../markdown.ts';
import { layOutInlines, layOutTable } from '../../plain.ts';
import { insertAfter, join, plain, trimEnd, withStyle, type RichText } from './rich.ts';

export function renderRich(blocks: readonly Block[]): RichText {
  return join(blocks.map(renderBlock), '\n\n');
}

function renderBlock(block: Block): RichText {
  switch (block.type) {
    case 'paragraph':
      return renderInlines(block.children);
    case 'heading':
      return withStyle(renderInlines(block.children), 'bold');
    case 'code':
      return withStyle(plain(block.text), 'mono');
    case 'quote':
      return insertAfter(insertAfter(renderRich(block.children), /^(?=.)/gm, '> '), /^$/gm, '>');
    case 'list':
      return join(
        block.items.map((item, i) => renderItem(item, block.ordered ? `${block.start + i}.` : '-')),
        '\n',
      );
    case 'table':
      return withStyle(plain(layOutTable(block.header, block.rows)), 'mono');
    case 'rule':
      return plain('---');
  }
}

function renderItem(item: ListItem, bullet: string): RichText {
  const box = item.checked === undefined ? '' : item.checked ? '[x] ' : '[ ] ';
  const text = trimEnd(join([plain(box), join(item.children.map(renderBlock), '\n')]));
  const indent = ' '.repeat(bullet.length + 1);
  return trimEnd(join([plain(`${bullet} `), insertAfter(text, /\n(?!\n|$)/g, indent)]));
}

function renderInlines(nodes: readonly Inline[]): RichText {
  return join(nodes.map(renderInline));
}

function renderInline(node: Inline): RichText {
  switch (node.type) {
    case 'bold':
    case 'italic':
    case 'strike':
      return withStyle(renderInlines(node.children), node.type);
    case 'code':
      return withStyle(plain(node.text), 'mono');
    case 'link': {
      const label = renderInlines(node.children);
      const whole = layOutInlines([node]);
      // `label (address)`, or the address alone: whatever the plain rendering makes of it.
      return whole.startsWith(`${label.text} (`) ? join([label, plain(whole.slice(label.text.length))]) : plain(whole);
    }
    case 'text':
    case 'break':
    case 'image':
      return plain(layOutInlines([node]));
  }
}
