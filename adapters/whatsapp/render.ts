// Our tree → WhatsApp's own marks, https://faq.whatsapp.com/539178204879377, read 2026-11-21: *bold* _italic_ ~strike~ `code`, ```block```,
// lists, quotes. They work only at the edges of words, within one line, and cannot be escaped; where a mark would not work it is left out.
import { plainText, type Block, type Inline, type ListItem } from '../markdown.ts';
import { layOutTable } from '../plain.ts';

export function renderText(blocks: readonly Block[], plain: boolean): string {
  return plain ? plainText(blocks) : renderBlocks(blocks, '\n\n');
}

function renderBlocks(blocks: readonly Block[], gap: string): string {
  return blocks.map(renderBlock).join(gap);
}

function renderBlock(block: Block): string {
  switch (block.type) {
    case 'paragraph':
      return renderInlines(block.children);
    case 'heading':
      return renderInlines([{ type: 'bold', children: block.children }]);
    case 'code':
      return fence(block.text);
    case 'quote':
      return renderBlocks(block.children, '\n\n').replace(/^.*$/gm, (line) => (line === '' ? '>' : `> ${line}`));
    case 'list':
      return block.items.map((item, i) => renderItem(item, block.ordered ? `${block.start + i}.` : '-')).join('\n');
    case 'table':
      return fence(layOutTable(block.header, block.rows));
    case 'rule':
      return '———';
  }
}

/** Text that itself holds the mark of a block cannot be put in one. */
function fence(text: string): string {
  if (text.trim() === '') return text;
  return text.includes('```') ? text : `\`\`\`\n${text}\n\`\`\``;
}

function renderItem(item: ListItem, bullet: string): string {
  const box = item.checked === undefined ? '' : item.checked ? '☑ ' : '☐ ';
  const text = `${box}${renderBlocks(item.children, '\n')}`.trimEnd();
  return `${bullet} ${text.replace(/\n(?!\n|$)/g, `\n${' '.repeat(bullet.length + 1)}`)}`.trimEnd();
}

type Mark = '*' | '_' | '~' | '`';

interface Run {
  text: string;
  /** From the outside in. */
  marks: readonly Mark[];
}

function renderInlines(nodes: readonly Inline[]): string {
  return writeRuns(flatten(nodes, []));
}

function flatten(nodes: readonly Inline[], marks: readonly Mark[]): Run[] {
  return nodes.flatMap((node): Run[] => {
    switch (node.type) {
      case 'text':
        return [{ text: node.text, marks }];
      case 'break':
        return [{ text: '\n', marks: [] }];
      case 'code':
        return [{ text: node.text, marks: node.text.includes('`') ? marks : [...marks, '`'] }];
      case 'bold':
        return flatten(node.children, withMark(marks, '*'));
      case 'italic':
        return flatten(node.children, withMark(marks, '_'));
      case 'strike':
        return flatten(node.children, withMark(marks, '~'));
      case 'link':
        return [...flatten(node.children, marks), ...target(labelOf(node.children), node.href, marks)];
      case 'image':
        return [{ text: node.alt, marks }, ...target(node.alt, node.href, marks)];
    }
  });
}

function withMark(marks: readonly Mark[], mark: Mark): readonly Mark[] {
  return marks.includes(mark) ? marks : [...marks, mark];
}

function labelOf(nodes: readonly Inline[]): string {
  return nodes.map((node) => ('children' in node ? labelOf(node.children) : 'text' in node ? node.text : '')).join('');
}

function target(label: string, href: string, marks: readonly Mark[]): Run[] {
  const bare = href.replace(/^(?:mailto|tel):/i, '');
  if (label === href || label === bare) return [];
  return [{ text: label === '' ? href : ` (${href})`, marks }];
}

/** Writes runs with as few marks as possible: a mark stays open over neighbours that share it, and never over a line's end. */
function writeRuns(runs: readonly Run[]): string {
  return splitLines(runs).map(writeLine).join('\n');
}

function splitLines(runs: readonly Run[]): Run[][] {
  const lines: Run[][] = [[]];
  for (const { text, marks } of runs) {
    text.split('\n').forEach((part, i) => {
      if (i > 0) lines.push([]);
      if (part !== '') lines.at(-1)?.push({ text: part, marks });
    });
  }
  return lines;
}

function writeLine(runs: readonly Run[]): string {
  return writeLevel(runs, 0, { before: '', after: '' });
}

/** What stands beside a piece of text; '' at a line's end. */
interface Around {
  before: string;
  after: string;
}

function writeLevel(runs: readonly Run[], level: number, around: Around): string {
  const groups: { mark: Mark | undefined; runs: Run[] }[] = [];
  for (const run of runs) {
    const mark = run.marks[level];
    const group = groups.at(-1);
    if (group && group.mark === mark && mark !== undefined) group.runs.push(run);
    else groups.push({ mark, runs: [run] });
  }
  let out = '';
  groups.forEach(({ mark, runs: inner }, i) => {
    const before = out.at(-1) ?? around.before;
    const next = groups[i + 1];
    const after = next ? (next.mark ?? next.runs[0]?.text[0] ?? '') : around.after;
    if (mark === undefined) out += inner.map((run) => run.text).join('');
    else out += writeMarked(writeLevel(inner, level + 1, { before: mark, after: mark }), mark, { before, after });
  });
  return out;
}

/** A mark works between a word's edge and a character that is no white space; white space inside it is moved out. */
function writeMarked(text: string, mark: Mark, { before, after }: Around): string {
  const [, lead = '', core = '', trail = ''] = /^(\s*)([\s\S]*?)(\s*)$/.exec(text) ?? [];
  const opens = lead !== '' || isEdge(before);
  const closes = trail !== '' || isEdge(after);
  return core === '' || !opens || !closes || core.includes(mark) ? text : `${lead}${mark}${core}${mark}${trail}`;
}

function isEdge(char: string): boolean {
  return !/[\p{L}\p{N}]/u.test(char);
}
