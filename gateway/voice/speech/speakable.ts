// What of an answer can be said aloud: no markup, no code, no addresses; links by their title; bounded.
import type { Block, Inline } from '../../../adapters/markdown.ts';

const REST = 'The rest is in the text.';

/** Sentences to be spoken, at most about `maxChars` UTF-16 units; '' when there is nothing to say, such as code alone. */
export function speakableText(blocks: readonly Block[], maxChars: number): string {
  const spoken = blocks.flatMap(speakBlock);
  if (!spoken.some((piece) => piece.isSaid)) return '';
  return bounded(spoken.map((piece) => piece.text).join(' '), maxChars);
}

interface Piece {
  text: string;
  /** False for a remark about what cannot be said. */
  isSaid: boolean;
}

function speakBlock(block: Block): readonly Piece[] {
  switch (block.type) {
    case 'paragraph':
    case 'heading':
      return said(block.children);
    case 'quote':
      return block.children.flatMap(speakBlock);
    case 'list':
      return block.items.flatMap((item) => item.children.flatMap(speakBlock));
    case 'code':
      return [{ text: 'There is code in the text.', isSaid: false }];
    case 'table':
      return [{ text: 'There is a table in the text.', isSaid: false }];
    case 'rule':
      return [];
  }
}

function said(children: readonly Inline[]): readonly Piece[] {
  const text = children
    .map(speakInline)
    .join('')
    .replace(PICTURES, '')
    .replace(/\s+([.,;:!?])/g, '$1')
    .replace(/\(\s*\)/g, '')
    .replace(/\s+/g, ' ')
    .trim();
  if (!/[\p{L}\p{N}]/u.test(text)) return [];
  return [{ text: /[.!?…:;。！？]["'”’)\]]*$/u.test(text) ? text : `${text}.`, isSaid: true }];
}

function speakInline(node: Inline): string {
  switch (node.type) {
    case 'text':
      return node.text.replace(ADDRESSES, nameAddress);
    case 'code':
      return WORDS.test(node.text) ? node.text : '';
    case 'break':
      return ' ';
    case 'image':
      return node.alt;
    case 'link':
      return node.children.map(speakInline).join('');
    case 'bold':
    case 'italic':
    case 'strike':
      return node.children.map(speakInline).join('');
  }
}

/** Emoji and their parts; digits and letters are none. */
const PICTURES = /\p{Extended_Pictographic}|\u200d|\ufe0f|\u20e3|[\u{1f3fb}-\u{1f3ff}]|[\u{1f1e6}-\u{1f1ff}]/gu;
const ADDRESSES = /\bhttps?:\/\/([^\s/?#<>")\]]+)[^\s<>")\]]*/gi;
/** Inline code that reads as words. */
const WORDS = /^[\p{L}\p{N}]+(?:[ .'-][\p{L}\p{N}]+){0,4}$/u;

function nameAddress(_address: string, host: string): string {
  return host.replace(/^www\./i, '');
}

/** Cut after a sentence, or else after a word. */
function bounded(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text;
  let end = 0;
  for (const { index, segment } of sentences.segment(text.slice(0, maxChars + 1))) {
    if (index + segment.length > maxChars) break;
    end = index + segment.length;
  }
  if (end === 0) end = text.lastIndexOf(' ', maxChars);
  const kept = text.slice(0, end > 0 ? end : maxChars).toWellFormed();
  return `${kept.trim()} ${REST}`;
}

const sentences = new Intl.Segmenter(undefined, { granularity: 'sentence' });
