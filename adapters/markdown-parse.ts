// Block tokens of markdown-it → our Block nodes.
import type { Token } from 'markdown-it';
import type { Block, Inline, ListItem } from './markdown-tree.ts';
import { readInline, trimBreaks } from './markdown-inline.ts';

const MAX_LANGUAGE_CHARS = 40;
/** Markdown allows nine digits; the last item of a long list must not need a tenth. */
const MAX_LIST_START = 900_000_000;

/** Reads the tokens of one parse as blocks. The depth of recursion is the nesting of the tokens, which the parser caps. */
export function readBlocks(tokens: readonly Token[]): Block[] {
  return new BlockReader(tokens).blocksUntil(undefined);
}

class BlockReader {
  readonly #tokens: readonly Token[];
  #at = 0;
  /** How many lists and quotes are open. */
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  /** Blocks up to and including the closing token named; all of the rest without a name. */
  blocksUntil(closing: string | undefined): Block[] {
    const blocks: Block[] = [];
    for (let token = this.#next(); token && token.type !== closing; token = this.#next()) {
      const block = this.#block(token);
      if (block) blocks.push(block);
    }
    return blocks;
  }

  #next(): Token | undefined {
    return this.#tokens[this.#at++];
  }

  #block(token: Token): Block | undefined {
    switch (token.type) {
      case 'paragraph_open': {
        const children = this.#inline('keep');
        return children.length > 0 ? { type: 'paragraph', children } : undefined;
      }
      case 'heading_open': {
        const children = this.#inline('space');
        return children.length > 0 ? { type: 'heading', level: headingLevel(token.tag), children } : undefined;
      }
      case 'fence':
      case 'code_block':
        return this.#code(token);
      case 'blockquote_open': {
        const children = this.#nested('blockquote_close');
        return children.length > 0 ? { type: 'quote', children } : undefined;
      }
      case 'bullet_list_open':
        return this.#list(false, 1);
      case 'ordered_list_open':
        return this.#list(true, Math.min(Number(token.attrGet('start') ?? 1), MAX_LIST_START));
      case 'table_open':
        return this.#table();
      case 'hr':
        return { type: 'rule' };
      default:
        return undefined;
    }
  }

  #nested(closing: string): Block[] {
    this.#depth++;
    const blocks = this.blocksUntil(closing);
    this.#depth--;
    return blocks;
  }

  /** The inline content of a paragraph or heading, up to its closing token. */
  #inline(breaks: 'keep' | 'space'): readonly Inline[] {
    const children = this.#next()?.children ?? [];
    this.#at++;
    return trimBreaks(readInline(children, { breaks, brTags: false }));
  }

  #code(token: Token): Block {
    const language = token.info.trim().split(/\s+/)[0] ?? '';
    const text = token.content.replace(/\n$/, '');
    return {
      type: 'code',
      language: /^[\w+#./-]+$/.test(language) ? language.slice(0, MAX_LANGUAGE_CHARS) : '',
      // A tab after an indent means something else at each depth; spaces mean the same at all.
      text: this.#depth > 0 ? text.replace(/^[ \t]+/gm, (indent) => indent.replaceAll('\t', '    ')) : text,
    };
  }

  #list(ordered: boolean, start: number): Block {
    const items: ListItem[] = [];
    for (let token = this.#next(); token && !token.type.endsWith('_list_close'); token = this.#next()) {
      const checked = readCheckbox(this.#tokens[this.#at], this.#tokens[this.#at + 1]);
      const children = this.#nested('list_item_close');
      items.push(checked === undefined ? { children } : { checked, children: withoutCheckbox(children) });
    }
    return { type: 'list', ordered, start, items };
  }

  #table(): Block {
    const rows: Inline[][][] = [];
    for (let token = this.#next(); token && token.type !== 'table_close'; token = this.#next()) {
      if (token.type === 'tr_open') rows.push([]);
      if (token.type !== 'inline') continue;
      rows.at(-1)?.push(readInline(token.children ?? [], { breaks: 'keep', brTags: true }));
    }
    const [header = [], ...body] = rows;
    return { type: 'table', header, rows: body };
  }
}

function headingLevel(tag: string): 1 | 2 | 3 | 4 | 5 | 6 {
  const level = Number(tag.slice(1));
  return level === 1 || level === 2 || level === 3 || level === 4 || level === 5 ? level : 6;
}

/** Looks at the source, where an escaped bracket can be told from a box. */
function readCheckbox(open: Token | undefined, inline: Token | undefined): boolean | undefined {
  if (open?.type !== 'paragraph_open' || inline?.children?.[0]?.type !== 'text') return undefined;
  const mark = /^\[([ xX])\](?:[ \n]|$)/.exec(inline.content)?.[1];
  return mark === undefined ? undefined : mark !== ' ';
}

function withoutCheckbox(children: readonly Block[]): readonly Block[] {
  const [first, ...others] = children;
  if (first?.type !== 'paragraph') return children;
  const [text, ...inlines] = first.children;
  if (text?.type !== 'text') return children;
  const rest = text.text.slice(3).replace(/^ /, '');
  const kept = trimBreaks(rest === '' ? inlines : [{ type: 'text', text: rest }, ...inlines]);
  return kept.length > 0 ? [{ type: 'paragraph', children: kept }, ...others] : others;
}
