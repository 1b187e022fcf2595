// Our tree → Block Kit. `rich_text` holds text and style apart, so that nothing needs escaping and no text can become a mention, and it is
// what Slack's own editor writes; the first table of a message becomes a `table` block. The `markdown` block was the alternative: it parses
// text again, and its headings and tables count against limits that are not documented.
import type { Block, Inline, ListItem } from '../../markdown.ts';
import { layOutBlocks, layOutTable } from '../../plain.ts';
import type { MessageBlock, RichElement, RichInline, RichSection, RichTextBlock, TextStyle } from './blocks.ts';

/** "Maximum 100 rows", "max of 20 table cells" (table block). */
const MAX_TABLE_ROWS = 100;
const MAX_TABLE_COLUMNS = 20;
/** "a number from 0 to 8" (rich_text_list). */
const MAX_INDENT = 8;
/** Of a link's target (button element's `url`; that of rich text is not documented). */
const MAX_URL_CHARS = 3_000;
/**
 * Blocks of about 13,200 characters in all are refused with msg_blocks_too_long; what counts is not documented. Measured by others:
 * https://github.com/slackapi/bolt-js/issues/2509, read 2026-11-21.
 */
const MAX_BLOCKS_CHARS = 12_000;

export interface RenderOptions {
  /** native: the first table is a `table` block · text: all are laid out as text. */
  tables: 'native' | 'text';
}

/** The blocks of a message; undefined when they would be too many, and [] when there is nothing to show. */
export function renderBlocks(body: readonly Block[], options: RenderOptions): readonly MessageBlock[] | undefined {
  for (const attempt of [{ ...options, isStyled: true }, { tables: 'text', isStyled: false } as const]) {
    const blocks = new BlockWriter(attempt).write(body);
    if (JSON.stringify(blocks).length <= MAX_BLOCKS_CHARS) return blocks;
  }
  return undefined;
}

/** Text without any formatting, as blocks. */
export function plainBlocks(text: string): readonly RichTextBlock[] {
  if (text === '') return [];
  return [{ type: 'rich_text', elements: [{ type: 'rich_text_section', elements: [{ type: 'text', text }] }] }];
}

interface WriterOptions extends RenderOptions {
  isStyled: boolean;
}

class BlockWriter {
  readonly #options: WriterOptions;
  readonly #blocks: MessageBlock[] = [];
  #elements: RichElement[] = [];
  #hasTable = false;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  write(body: readonly Block[]): readonly MessageBlock[] {
    for (const block of body) this.#writeBlock(block);
    this.#endRichText();
    return this.#blocks;
  }

  #writeBlock(block: Block): void {
    switch (block.type) {
      case 'paragraph':
        return this.#writeText(this.#inlines(block.children, {}));
      case 'heading':
        return this.#writeText(this.#inlines(block.children, { bold: true }));
      case 'rule':
        return this.#writeText([{ type: 'text', text: '———' }]);
      case 'code':
        return this.#writePreformatted(block.text);
      case 'quote':
        return this.#writeQuote(block.children);
      case 'list':
        return this.#writeList(block, 0);
      case 'table':
        return this.#writeTable(block);
    }
  }

  /** Paragraphs that follow each other are one section with a blank line in between, as Slack's own editor has it. */
  #writeText(inlines: RichInline[]): void {
    if (inlines.length === 0) return;
    const last = this.#elements.at(-1);
    if (last?.type === 'rich_text_section') append(last.elements, [{ type: 'text', text: '\n\n' }, ...inlines]);
    else {
      const isAfterBlock = last?.type === 'rich_text_list' || last?.type === 'rich_text_quote';
      const elements: RichInline[] = isAfterBlock ? [{ type: 'text', text: '\n' }] : [];
      append(elements, inlines);
      this.#elements.push({ type: 'rich_text_section', elements });
    }
  }

  /** Anything that is no running text; the text before it ends its line. */
  #push(element: RichElement): void {
    const last = this.#elements.at(-1);
    if (last?.type === 'rich_text_section') append(last.elements, [{ type: 'text', text: '\n' }]);
    this.#elements.push(element);
  }

  #writePreformatted(text: string): void {
    if (text.trim() === '') return;
    this.#push({ type: 'rich_text_preformatted', elements: [{ type: 'text', text }] });
  }

  /** A quote holds running text only; lists, code and quotes inside it are laid out as text. */
  #writeQuote(children: readonly Block[]): void {
    const elements: RichInline[] = [];
    for (const child of children) {
      const isText = child.type === 'paragraph' || child.type === 'heading';
      const inlines: RichInline[] = isText
        ? this.#inlines(child.children, child.type === 'heading' ? { bold: true } : {})
        : textInline(layOutBlocks([child]));
      if (inlines.length === 0) continue;
      append(elements, [...(elements.length > 0 ? textInline('\n\n') : []), ...inlines]);
    }
    if (elements.length > 0) this.#push({ type: 'rich_text_quote', elements });
  }

  /** A list inside an item is a list of its own, further in, after which the outer one goes on with its numbering. */
  #writeList(list: Extract<Block, { type: 'list' }>, depth: number): void {
    let sections: RichSection[] = [];
    let written = 0;
    const flush = () => {
      if (sections.length === 0) return;
      const offset = list.start - 1 + written;
      this.#push({
        type: 'rich_text_list',
        style: list.ordered ? 'ordered' : 'bullet',
        indent: Math.min(depth, MAX_INDENT),
        ...(list.ordered && offset > 0 && { offset }),
        elements: sections,
      });
      written += sections.length;
      sections = [];
    };
    for (const item of list.items) {
      const { inlines, rest } = this.#splitItem(item);
      sections.push({ type: 'rich_text_section', elements: inlines.length > 0 ? inlines : textInline(' ') });
      if (rest.length === 0) continue;
      flush();
      for (const block of rest) {
        if (block.type === 'list') this.#writeList(block, depth + 1);
        else this.#writeBlock(block);
      }
    }
    flush();
  }

  /** Running text at the beginning of an item, and what follows it. */
  #splitItem(item: ListItem): { inlines: RichInline[]; rest: readonly Block[] } {
    const isText = (block: Block) => block.type === 'paragraph' || block.type === 'heading';
    const end = item.children.findIndex((block) => !isText(block));
    const texts = end === -1 ? item.children : item.children.slice(0, end);
    const inlines = textInline(item.checked === undefined ? '' : item.checked ? '☑ ' : '☐ ');
    for (const [i, block] of texts.entries()) {
      if (block.type !== 'paragraph' && block.type !== 'heading') continue;
      if (i > 0) append(inlines, textInline('\n'));
      append(inlines, this.#inlines(block.children, block.type === 'heading' ? { bold: true } : {}));
    }
    return { inlines, rest: end === -1 ? [] : item.children.slice(end) };
  }

  #writeTable({ header, rows }: Extract<Block, { type: 'table' }>): void {
    const fits = header.length <= MAX_TABLE_COLUMNS && rows.length + 1 <= MAX_TABLE_ROWS;
    // "only_one_table_allowed" refuses a message with two.
    if (this.#options.tables === 'text' || this.#hasTable || !fits || header.length === 0)
      return this.#writePreformatted(layOutTable(header, rows));
    this.#hasTable = true;
    this.#endRichText();
    const line = (cells: readonly (readonly Inline[])[], style: TextStyle) =>
      header.map((_, i) => this.#cell(cells[i] ?? [], style));
    this.#blocks.push({
      type: 'table',
      rows: [line(header, { bold: true }), ...rows.map((row) => line(row, {}))],
      column_settings: header.map(() => ({ is_wrapped: true })),
    });
  }

  /** A cell must hold something. */
  #cell(nodes: readonly Inline[], style: TextStyle): RichTextBlock {
    const inlines = this.#inlines(nodes, style);
    const elements = inlines.length > 0 ? inlines : textInline(' ');
    return { type: 'rich_text', elements: [{ type: 'rich_text_section', elements }] };
  }

  #endRichText(): void {
    if (this.#elements.length > 0) this.#blocks.push({ type: 'rich_text', elements: this.#elements });
    this.#elements = [];
  }

  #inlines(nodes: readonly Inline[], style: TextStyle): RichInline[] {
    const out: RichInline[] = [];
    for (const node of nodes) append(out, this.#inline(node, style));
    return out;
  }

  #inline(node: Inline, style: TextStyle): RichInline[] {
    switch (node.type) {
      case 'text':
        return this.#text(node.text, style);
      case 'break':
        return this.#text('\n', style);
      case 'code':
        return this.#text(node.text, { ...style, code: true });
      case 'bold':
      case 'italic':
      case 'strike':
        return this.#inlines(node.children, { ...style, [node.type]: true });
      case 'link':
        return this.#link(node.href, lettersOf(node.children), style);
      case 'image':
        return this.#link(node.href, node.alt, style);
    }
  }

  #text(text: string, style: TextStyle): RichInline[] {
    if (text === '') return [];
    return [{ type: 'text', text, ...this.#style(style) }];
  }

  #link(url: string, label: string, style: TextStyle): RichInline[] {
    if (url.length > MAX_URL_CHARS) return this.#text(label === '' ? url : `${label} (${url})`, style);
    return [{ type: 'link', url, ...(label !== '' && { text: label }), ...this.#style(style) }];
  }

  #style(style: TextStyle): { style?: TextStyle } {
    return this.#options.isStyled && Object.keys(style).length > 0 ? { style } : {};
  }
}

/** Text of inline nodes, without the targets of links: Slack shows no link inside a link. */
function lettersOf(nodes: readonly Inline[]): string {
  return nodes
    .map((node) => {
      if (node.type === 'text' || node.type === 'code') return node.text;
      if (node.type === 'break') return ' ';
      return node.type === 'image' ? node.alt : lettersOf(node.children);
    })
    .join('');
}

function textInline(text: string): RichInline[] {
  return text === '' ? [] : [{ type: 'text', text }];
}

/** Adds to the end; neighbours of one style become one, since each costs against the limit. */
function append(to: RichInline[], more: readonly RichInline[]): void {
  for (const inline of more) {
    const last = to.at(-1);
    const isSame =
      last?.type === 'text' && inline.type === 'text' && JSON.stringify(last.style) === JSON.stringify(inline.style);
    if (last && isSame) to[to.length - 1] = { ...last, text: `${last.text ?? ''}${inline.text}` };
    else to.push(inline);
  }
}
