// Our tree → lines of IRC. Marks of bold, italic and strikethrough end with the line, so each line has its own.
// https://modern.ircdocs.horse/formatting, read 2026-11-21.
import { plainText, type Block, type Inline, type ListItem } from '../../markdown.ts';
import { layOutTable } from '../../plain.ts';

const BOLD = '\u0002';
const ITALIC = '\u001d';
const STRIKE = '\u001e';

/** Lines of text, none empty. */
export function renderLines(blocks: readonly Block[], isPlain: boolean): readonly string[] {
  const text = isPlain ? plainText(blocks) : renderBlocks(blocks);
  return text
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line.trim() !== '');
}

function renderBlocks(blocks: readonly Block[]): string {
  return blocks.map(renderBlock).join('\n');
}

function renderBlock(block: Block): string {
  switch (block.type) {
    case 'paragraph':
      return renderInlines(block.children, '');
    case 'heading':
      return wrapLines(renderInlines(block.children, BOLD), BOLD);
    case 'code':
      return block.text;
    case 'quote':
      return renderBlocks(block.children).replace(/^(?!$)/gm, '> ');
    case 'list':
      return block.items.map((item, i) => renderItem(item, block.ordered ? `${block.start + i}.` : '-')).join('\n');
    case 'table':
      return layOutTable(block.header, block.rows);
    case 'rule':
      return '---';
  }
}

function renderItem(item: ListItem, bullet: string): string {
  const box = item.checked === undefined ? '' : item.checked ? '[x] ' : '[ ] ';
  const text = renderBlocks(item.children);
  return `${bullet} ${box}${text.replace(/\n(?!\n|$)/g, `\n${' '.repeat(bullet.length + 1)}`)}`.trimEnd();
}

/** `active`: marks that are on; one more of the same would end it. */
function renderInlines(nodes: readonly Inline[], active: string): string {
  return nodes.map((node) => renderInline(node, active)).join('');
}

function renderInline(node: Inline, active: string): string {
  switch (node.type) {
    case 'text':
    case 'code':
      return node.text;
    case 'break':
      return '\n';
    case 'bold':
    case 'italic':
    case 'strike': {
      const mark = node.type === 'bold' ? BOLD : node.type === 'italic' ? ITALIC : STRIKE;
      if (active.includes(mark)) return renderInlines(node.children, active);
      return wrapLines(renderInlines(node.children, active + mark), mark);
    }
    case 'link':
    case 'image':
      return plainText([{ type: 'paragraph', children: [node] }]);
  }
}

function wrapLines(text: string, mark: string): string {
  return text.replace(/^.+$/gm, (line) => `${mark}${line}${mark}`);
}
