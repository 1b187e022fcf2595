// Markdown is parsed once into this small tree; every platform renders the tree, none parses text again.
import createMarkdownIt, { type MarkdownIt } from 'markdown-it';
import cjkFriendly from 'markdown-it-cjk-friendly';
import { cleanText, takePrefix } from '../shared/text.ts';
import { readBlocks } from './markdown-parse.ts';
import { writeBlocks } from './markdown-serialize.ts';
import type * as tree from './markdown-tree.ts';
import { layOutBlocks } from './plain.ts';

export type Inline = tree.Inline;
export type ListItem = tree.ListItem;
export type Block = tree.Block;

/** Deepest nesting of tokens (a list takes two) that is understood; text that nests deeper is read as plain paragraphs. */
const MAX_NESTING = 40;
/** Longer texts are parsed piece by piece, so that no crafted text costs more than linear time. */
const PIECE_CHARS = 100_000;

/**
 * Markdown (CommonMark, tables, strikethrough, task lists; every newline in a paragraph is a line break) as a tree. HTML is text;
 * only http, https, mailto and tel links are links. Never throws; any string is valid. Control and bidi characters are left out.
 * Takes time linear in the length of the text.
 */
export function parseMarkdown(text: string): readonly Block[] {
  const blocks: Block[] = [];
  for (const piece of splitPieces(cleanText(text))) {
    const tokens = parser().parse(piece, {});
    // markdown-it drops what nests too deep; nobody's words may get lost, so such a piece is read without markup.
    const isTooDeep = tokens.some((token) => token.level >= MAX_NESTING - 1);
    for (const block of isTooDeep ? readUnformatted(piece) : readBlocks(tokens)) blocks.push(block);
  }
  return blocks;
}

/** The tree as markdown. Of a tree that `parseMarkdown` gave, parsing the result gives that tree again. */
export function serializeMarkdown(blocks: readonly Block[]): string {
  return writeBlocks(blocks);
}

/** The tree as text for places that show no markup: tables laid out in columns, links as `label (url)`, lists with their marks. */
export function plainText(blocks: readonly Block[]): string {
  return layOutBlocks(blocks);
}

let builtParser: MarkdownIt | undefined;

/** Built at first use: many commands of the program never render anything. */
function parser(): MarkdownIt {
  if (builtParser) return builtParser;
  const built = createMarkdownIt('default', { html: false, breaks: true, linkify: false, typographer: false });
  built.use(cjkFriendly);
  built.set({ maxNesting: MAX_NESTING });
  // An allow-list: `javascript:`, `data:`, `file:` and relative targets mean nothing good in a chat and stay text.
  built.validateLink = (url) => /^(?:https?:\/\/|mailto:|tel:)[^\s]/i.test(url);
  builtParser = built;
  return built;
}

/** Cuts long text at blank lines outside of code fences, or else at any newline; a line longer than a piece is cut within. */
function splitPieces(text: string): string[] {
  if (text.length <= 2 * PIECE_CHARS) return [text];
  const pieces: string[] = [];
  let start = 0;
  let fence = '';
  const cutAt = (end: number) => {
    if (end > start) pieces.push(text.slice(start, end));
    start = end;
  };
  for (let at = 0; at < text.length;) {
    const newline = text.indexOf('\n', at);
    const end = newline < 0 ? text.length : newline + 1;
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(text.slice(at, Math.min(end, at + 200)))?.[1];
    if (mark && fence === '') fence = mark;
    else if (mark?.startsWith(fence)) fence = '';
    if (fence === '') {
      if (end - at > PIECE_CHARS) {
        cutAt(at);
        for (let rest = text.slice(at, end); rest !== '';) {
          const head = takePrefix(rest, PIECE_CHARS, 'utf16');
          pieces.push(head);
          rest = rest.slice(head.length);
        }
        start = end;
      } else if (end - start >= (newline === at ? PIECE_CHARS : 2 * PIECE_CHARS)) cutAt(end);
    }
    at = end;
  }
  cutAt(text.length);
  return pieces;
}

function readUnformatted(text: string): Block[] {
  const paragraphs = text.split(/\n\s*\n/).map((part) => part.trim());
  return paragraphs.filter(Boolean).map((paragraph) => {
    const lines = paragraph.split('\n').map((line): Inline => ({ type: 'text', text: line.trim() }));
    return { type: 'paragraph', children: lines.flatMap((line, i) => (i === 0 ? [line] : [{ type: 'break' }, line])) };
  });
}
