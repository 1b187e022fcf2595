// Our tree → markdown that parses to the same tree. What could be read as markup is escaped: with a backslash where that is
// enough, as a numeric entity where a character's neighbourhood decides (emphasis at a word's edge, white space at a line's edge).
import type { Block, Inline, ListItem } from './markdown-tree.ts';

export function writeBlocks(blocks: readonly Block[]): string {
  return writeSiblings(blocks, '');
}

/** `taken`: the mark of the list item that these blocks start; a list in first place needs another (`- - -` is a rule). */
function writeSiblings(blocks: readonly Block[], taken: string): string {
  let out = '';
  let lastMark = taken;
  blocks.forEach((block, i) => {
    const previous = blocks[i - 1];
    if (previous) out += canFollowAtOnce(previous, block, taken) ? '\n' : '\n\n';
    if (block.type !== 'list') {
      out += writeBlock(block);
      lastMark = '';
      return;
    }
    // Two lists in a row would be read as one if they had the same mark.
    const marks = block.ordered ? ['.', ')'] : ['-', '+'];
    const mark = marks.find((candidate) => candidate !== lastMark) ?? '-';
    out += writeList(block, mark);
    lastMark = mark;
  });
  return out;
}

/** In a list item, a list may follow its paragraph without a blank line. */
function canFollowAtOnce(previous: Block, block: Block, taken: string): boolean {
  if (taken === '' || previous.type !== 'paragraph' || block.type !== 'list') return false;
  const first = block.items[0];
  return (!block.ordered || block.start === 1) && first?.children[0]?.type === 'paragraph';
}

function writeBlock(block: Exclude<Block, { type: 'list' }>): string {
  switch (block.type) {
    case 'paragraph':
      return writeLines(block.children);
    case 'heading':
      return `${'#'.repeat(block.level)} ${writeLines(block.children).replace(/(^|\s)(#*)#$/, '$1$2\\#')}`;
    case 'code': {
      const fence = codeFence(block.text);
      return block.text === ''
        ? `${fence}${block.language}\n${fence}`
        : `${fence}${block.language}\n${block.text}\n${fence}`;
    }
    case 'quote':
      return writeSiblings(block.children, '').replace(/^.*$/gm, (line) => (line === '' ? '>' : `> ${line}`));
    case 'table':
      return writeTable(block.header, block.rows);
    case 'rule':
      return '___';
  }
}

/** Backticks enough to hold `text`. */
export function codeFence(text: string): string {
  let longest = 2;
  for (const run of text.matchAll(/`{3,}/g)) longest = Math.max(longest, run[0].length);
  return '`'.repeat(longest + 1);
}

function writeList(list: Extract<Block, { type: 'list' }>, mark: string): string {
  return list.items
    .map((item, i) => writeItem(item, list.ordered ? `${list.start + i}${mark}` : mark, mark))
    .join('\n');
}

function writeItem(item: ListItem, bullet: string, mark: string): string {
  const body = writeSiblings(item.children, mark);
  const box = item.checked === undefined ? '' : item.checked ? '[x]' : '[ ]';
  const isInline = item.children[0]?.type === 'paragraph';
  const gap = body === '' ? '' : isInline ? ' ' : '\n\n';
  const text = box === '' ? body : `${box}${gap}${body}`;
  if (text === '') return bullet;
  const indent = ' '.repeat(bullet.length + 1);
  return `${bullet} ${text.replace(/\n(?!\n|$)/g, `\n${indent}`)}`;
}

type Cells = readonly (readonly Inline[])[];

function writeTable(header: Cells, rows: readonly Cells[]): string {
  const line = (cells: Cells) => `| ${header.map((_, i) => writeCell(cells[i] ?? [])).join(' | ')} |`;
  return [line(header), `|${' --- |'.repeat(header.length)}`, ...rows.map(line)].join('\n');
}

function writeCell(children: readonly Inline[]): string {
  // In a cell even code gives up its pipes.
  return encodeEdges(writeInlines(children, { lineBreak: '<br>', pipes: true }));
}

function writeLines(children: readonly Inline[]): string {
  const text = writeInlines(children, { lineBreak: '\n', pipes: false });
  // A line without anything would end the paragraph; a backslash makes it a line break of its own.
  const lines = text.split('\n').map((line) => (line === '' ? '\\' : encodeEdges(escapeLineStart(line))));
  return lines.join('\n');
}

/** What opens a block at the start of a line: headings, lists, rules, underlines of headings, quotes, tables. */
function escapeLineStart(line: string): string {
  if (/^(?:#{1,6}(?:\s|$)|[-+](?:[\s|:-]|$)|=+\s*$|>|\||:-)/.test(line)) return `\\${line}`;
  return line.replace(/^(\d{1,9})([.)])(?=\s|$)/, '$1\\$2');
}

function encodeEdges(line: string): string {
  return line.replace(/^\s|\s$/gu, entity);
}

function entity(char: string): string {
  return `&#${char.codePointAt(0) ?? 32};`;
}

interface InlineContext {
  lineBreak: '\n' | '<br>';
  pipes: boolean;
  /** Directly inside bold. */
  inBold?: boolean;
}

type StyledInline = Extract<Inline, { type: 'bold' | 'italic' | 'strike' }>;

interface Part {
  text: string;
  /** Characters here may be turned into entities. */
  isText: boolean;
  /** Set for emphasis: what surrounds `text`. */
  marker: string;
}

function writeInlines(nodes: readonly Inline[], context: InlineContext): string {
  const parts = nodes.map((node, i) => writeInlinePart(node, nodes[i - 1], nodes[i + 1], context));
  parts.forEach((part, i) => {
    if (part.marker === '') return;
    settleEdges(part, parts[i - 1], parts[i + 1]);
  });
  return parts.map((part) => part.marker + part.text + part.marker).join('');
}

function writeInlinePart(
  node: Inline,
  previous: Inline | undefined,
  next: Inline | undefined,
  context: InlineContext,
): Part {
  switch (node.type) {
    case 'text':
      return { text: escapeText(node.text, context), isText: true, marker: '' };
    case 'code':
      return { text: writeCode(node.text, context), isText: false, marker: '' };
    case 'break':
      return { text: context.lineBreak, isText: false, marker: '' };
    case 'link':
      return {
        text: `[${writeInlines(node.children, context)}](${writeTarget(node.href, context)})`,
        isText: false,
        marker: '',
      };
    case 'image':
      return {
        text: `![${escapeText(node.alt, context)}](${writeTarget(node.href, context)})`,
        isText: false,
        marker: '',
      };
    default: {
      const inner = writeInlines(node.children, { ...context, inBold: node.type === 'bold' });
      return { text: inner, isText: false, marker: markerOf(node, [previous, next], context) };
    }
  }
}

/** Stars next to stars would run together, so italics that touch bold use the underscore. */
function markerOf(node: StyledInline, beside: readonly (Inline | undefined)[], context: InlineContext): string {
  if (node.type === 'bold') return '**';
  if (node.type === 'strike') return '~~';
  const touching = [...beside, node.children[0], node.children.at(-1)];
  const isTouching = (context.inBold && beside.includes(undefined)) || touching.some((other) => other?.type === 'bold');
  return isTouching ? '_' : '*';
}

/** Makes the marks of an emphasis count as opening and closing, whatever stands beside them. */
function settleEdges(part: Part, previous: Part | undefined, next: Part | undefined): void {
  part.text = part.text.replace(/^\s|\s$/gu, entity);
  const isStrict = part.marker === '_';
  if (previous?.isText && (isStrict || isPunctuation(part.text.at(0)))) {
    previous.text = previous.text.replace(
      isStrict ? /[^\s\p{P}\p{S}]$|[\u{10000}-\u{10ffff}]$/u : LETTER_AT_END,
      entity,
    );
  }
  if (next?.isText && (isStrict || isPunctuation(part.text.at(-1)))) {
    next.text = next.text.replace(isStrict ? /^[^\s\p{P}\p{S}]|^[\u{10000}-\u{10ffff}]/u : LETTER_AT_START, entity);
  }
}

// Beside Chinese, Japanese and Korean letters the parser takes stars and tildes for marks as they are.
const LETTER_AT_END = /[^\s\p{P}\p{S}\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Hang}]$|[\u{10000}-\u{10ffff}]$/u;
const LETTER_AT_START = /^[^\s\p{P}\p{S}\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Hang}]|^[\u{10000}-\u{10ffff}]/u;

function isPunctuation(unit: string | undefined): boolean {
  return unit === undefined || /[\p{P}\p{S}\ud800-\udfff]/u.test(unit);
}

function escapeText(text: string, context: InlineContext): string {
  return text.replace(/[\\`*_[\]<&~!|]/g, (char, at: number) =>
    mustEscape(char, text, at, context) ? `\\${char}` : char,
  );
}

/** Whether a character could be read as markup where it stands. At the edge of its text the neighbour is unknown: then yes. */
function mustEscape(char: string, text: string, at: number, context: InlineContext): boolean {
  const before = text[at - 1];
  const after = text[at + 1];
  switch (char) {
    case '*':
      // The first and last character may yet become an entity, which is no space.
      return at < 2 || at > text.length - 3 || !isSpace(before) || !isSpace(after);
    case '_':
      return !(isAsciiWord(before) && isAsciiWord(after));
    case '~':
      return before === undefined || after === undefined || before === '~' || after === '~';
    case '<':
      return !isSpace(after);
    case '&':
      return after === undefined || /^(?:#|[a-z][a-z0-9]*(?:;|$))/i.test(text.slice(at + 1, at + 40));
    case '!':
      return after === undefined;
    case '|':
      return context.pipes;
    default:
      return true;
  }
}

function isSpace(unit: string | undefined): boolean {
  return unit !== undefined && /\s/.test(unit);
}

function isAsciiWord(unit: string | undefined): boolean {
  return unit !== undefined && /[A-Za-z0-9]/.test(unit);
}

function writeCode(text: string, context: InlineContext): string {
  const runs = new Set(Array.from(text.matchAll(/`+/g), (run) => run[0].length));
  let length = 1;
  while (runs.has(length)) length++;
  const needsPadding = /^`|`$/.test(text) || (/^ .* $/.test(text) && text.trim() !== '');
  const padded = needsPadding ? ` ${text} ` : text;
  const fence = '`'.repeat(length);
  return `${fence}${context.pipes ? padded.replaceAll('|', '\\|') : padded}${fence}`;
}

function writeTarget(href: string, context: InlineContext): string {
  const safe = href
    .replace(/&(?=#|[a-z][a-z0-9]*(?:;|$))/gi, '\\&')
    .replace(/[*_`~]/g, (char) => (char === '_' ? char : `\\${char}`));
  const target = /[()]/.test(safe) ? `<${safe}>` : safe;
  return context.pipes ? target.replaceAll('|', '\\|') : target;
}
