// Our tree → lines of IRC. Marks of bold, italic and strikethrough end with the line, so each line has its own.
// https://modern.ircdocs.horse/formatting, read 2026-11-21.
import { plainText, type Block, type Inline, type ListItem } from '../../markdown.ts';
import { layOutTable } from '../../plain.ts';

const BOLD = '\u0002';
const ITALIC = '\u001d';
const STRIKE = '\u001e';

export interface RenderOptions {
  /** Without marks. */
  isPlain: boolean;
  /** Rewrites a command, `/help` or the like, as it can be typed on IRC; other text stays. */
  command(text: string): string;
}

/** Lines of text, none empty. */
export function renderLines(blocks: readonly Block[], options: RenderOptions): readonly string[] {
  const shown = blocks.map((block) => rewriteCommands(block, options.command));
  const text = options.isPlain ? plainText(shown) : renderBlocks(shown);
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

/** Commands stand in code marks. */
function rewriteCommands(block: Block, command: (text: string) => string): Block {
  const inline = (node: Inline): Inline => {
    if (node.type === 'code') return { ...node, text: command(node.text) };
    return 'children' in node ? { ...node, children: node.children.map(inline) } : node;
  };
  const within = (blocks: readonly Block[]) => blocks.map((one) => rewriteCommands(one, command));
  switch (block.type) {
    case 'paragraph':
    case 'heading':
      return { ...block, children: block.children.map(inline) };
    case 'quote':
      return { ...block, children: within(block.children) };
    case 'list':
      return { ...block, items: block.items.map((item): ListItem => ({ ...item, children: within(item.children) })) };
    case 'table':
      return { ...block, rows: block.rows.map((row) => row.map((cell) => cell.map(inline))) };
    case 'code':
    case 'rule':
      return block;
  }
}

/** IRC clients keep lines that begin with a slash for themselves; `!help` says the same. Only what is a command of ours is changed. */
export function makeCommandWriter(names: ReadonlySet<string>): (text: string) => string {
  return (text) => {
    const name = /^\/([a-z][a-z0-9_-]*)(?=\s|$)/i.exec(text)?.[1];
    return name !== undefined && names.has(name.toLowerCase()) ? `!${text.slice(1)}` : text;
  };
}
