// HTML → the text that its reader sees: blocks as lines, links with their targets, quotes with marks. What is hidden from the reader is
// left out, since it was written for the machine.
import { attributeOf, readTags, type Tag } from './html-tags.ts';
import { TextLines } from './text-lines.ts';

/** Deeper nesting is read without its meaning. */
const MAX_DEPTH = 300;
/** Before the quoted mail, where a client marks its beginning by an id only. The parser of replies knows it. */
const QUOTE_MARK = '-----Original Message-----';

const VOID = new Set(['br', 'hr', 'img', 'input', 'meta', 'link', 'area', 'base', 'col', 'embed', 'source', 'wbr']);
/** Elements that begin and end a line; with true, a paragraph. */
const BLOCKS: ReadonlyMap<string, boolean> = new Map([
  ...['p', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'blockquote', 'pre', 'ul', 'ol', 'dl', 'table'].map(
    (name) => [name, true] as const,
  ),
  ...['div', 'li', 'tr', 'dt', 'dd', 'section', 'article', 'header', 'footer', 'center', 'address', 'form', 'body'].map(
    (name) => [name, false] as const,
  ),
]);

const HIDDEN_STYLE =
  /display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all|font-size\s*:\s*0(?:px|pt|em|%)?\s*(?:;|!|$)|opacity\s*:\s*0(?:\.0+)?\s*(?:;|!|$)|max-height\s*:\s*0(?:px)?\s*(?:;|!|$)/i;
/** Ids with which clients of Microsoft begin the mail that is answered. */
const QUOTE_IDS = /^(?:x_)*(?:divrplyfwdmsg|appendonsend|mail-editor-reference-message-container)$/i;

interface Open {
  name: string;
  isHidden: boolean;
  href: string | undefined;
  /** Next number of an ordered list. */
  count: number | undefined;
  restore: (() => void) | undefined;
}

/** Takes linear time; never throws. The result has at most `maxChars` characters, cut at the end. */
export function htmlToText(html: string, maxChars = 1_000_000): string {
  const lines = new TextLines(maxChars);
  const reader: Reader = { lines, stack: [], hidden: 0, isQuoteMarked: false };
  for (const item of readTags(html)) {
    if (lines.isFull) break;
    if (typeof item === 'string') {
      if (reader.hidden === 0) lines.add(item);
    } else if (item.isEnd) close(reader, item);
    else if (VOID.has(item.name)) {
      if (reader.hidden === 0) addVoid(item, lines);
    } else open(reader, item);
  }
  return lines.finish();
}

interface Reader {
  lines: TextLines;
  /** Open elements, outermost first. */
  stack: Open[];
  /** How many of them are hidden. */
  hidden: number;
  isQuoteMarked: boolean;
}

function open(reader: Reader, tag: Tag): void {
  const { lines, stack } = reader;
  if (/(?:^|[\s"'])\/$/.test(tag.attributes) || stack.length >= MAX_DEPTH) return;
  const isHidden = reader.hidden > 0 || isHiddenTag(tag);
  const entry: Open = { name: tag.name, isHidden, href: undefined, count: undefined, restore: undefined };
  stack.push(entry);
  if (isHidden) {
    reader.hidden++;
    return;
  }
  const paragraph = BLOCKS.get(tag.name);
  if (paragraph !== undefined) lines.break(paragraph);
  if (!reader.isQuoteMarked && QUOTE_IDS.test(attributeOf(tag, 'id') ?? '')) {
    reader.isQuoteMarked = true;
    lines.addLine(QUOTE_MARK);
  }
  switch (tag.name) {
    case 'a':
      entry.href = readHref(tag);
      if (entry.href !== undefined) lines.beginLink();
      break;
    case 'blockquote':
      entry.restore = lines.quote();
      break;
    case 'pre':
      entry.restore = lines.preserve();
      break;
    case 'ol':
    case 'ul':
      entry.count = tag.name === 'ol' ? 1 : undefined;
      entry.restore = lines.indent();
      break;
    case 'li': {
      const list = stack.findLast((one) => one.name === 'ol' || one.name === 'ul');
      lines.mark(list?.count === undefined ? '- ' : `${list.count++}. `);
      break;
    }
    case 'td':
    case 'th':
      lines.cell();
      break;
  }
}

/** Closes the innermost element of that name with all in it; an end without a beginning closes nothing. */
function close(reader: Reader, tag: Tag): void {
  const { lines, stack } = reader;
  const at = stack.findLastIndex((entry) => entry.name === tag.name);
  if (at < 0) return;
  for (const entry of stack.splice(at).toReversed()) {
    if (entry.isHidden) {
      reader.hidden--;
      continue;
    }
    if (entry.href !== undefined) lines.endLink(entry.href);
    const paragraph = BLOCKS.get(entry.name);
    if (paragraph !== undefined) lines.break(paragraph);
    entry.restore?.();
  }
}

function addVoid(tag: Tag, lines: TextLines): void {
  if (tag.name === 'br') lines.newline();
  else if (tag.name === 'hr') lines.addLine('---');
  else if (tag.name === 'img' && !isHiddenTag(tag)) {
    const alt = attributeOf(tag, 'alt')?.slice(0, 200);
    if (alt) lines.add(alt);
  }
}

function isHiddenTag(tag: Tag): boolean {
  if (tag.name === 'head') return true;
  if (/(?:^|\s)hidden(?:\s|=|$)/i.test(tag.attributes.slice(0, 5_000))) return true;
  const style = attributeOf(tag, 'style');
  return style !== undefined && HIDDEN_STYLE.test(style);
}

function readHref(tag: Tag): string | undefined {
  const href = attributeOf(tag, 'href')?.replace(/\s+/g, '');
  return href !== undefined && /^(?:https?:\/\/|mailto:|tel:)[^\s]/i.test(href) ? href.slice(0, 2_000) : undefined;
}
