// Our tree → Mattermost's markdown, which is ours but for a few characters (https://docs.mattermost.com/collaborate/format-messages.html,
// read 2026-11-21).
import { chunkMarkdown } from '../../chunk.ts';
import { parseMarkdown, plainText, serializeMarkdown, type Block, type Inline } from '../../markdown.ts';
import { measureText } from '../../../shared/text.ts';
import { MAX_TEXT } from '../capabilities.ts';
import { UnsendableError } from '../../transport/failures.ts';

/** Texts of one or more messages that together hold all of it; none when there is no text. Throws UnsendableError when it is too long. */
export function renderMessages(body: readonly Block[], isPlain: boolean): readonly string[] {
  const whole = renderOne(body, isPlain);
  if (whole === '') return [];
  if (fits(whole)) return [whole];
  if (measureText(plainText(body), 'codepoint') > MAX_TEXT)
    throw new UnsendableError('too_long', `A message has at most ${MAX_TEXT} characters.`);
  // Only marks made it too long.
  for (const share of [2, 8]) {
    const limit = { max: Math.floor(MAX_TEXT / share), unit: 'codepoint' } as const;
    const parts = chunkMarkdown(serializeMarkdown(body), limit).map((part) => renderOne(parseMarkdown(part), isPlain));
    if (parts.every(fits)) return parts;
  }
  throw new UnsendableError('too_long', `With its marks the message has more than ${MAX_TEXT} characters.`);
}

function fits(text: string): boolean {
  return measureText(text, 'codepoint') <= MAX_TEXT;
}

export function renderOne(body: readonly Block[], isPlain: boolean): string {
  const tree = isPlain ? asLines(plainText(body)) : body;
  const source = JSON.stringify(tree);
  // Clients take no backslash before these two, but understand entities; signs that nobody wrote stand for them meanwhile, since signs
  // next to emphasis are treated like these.
  const [less = '', and = ''] = STAND_INS.filter((sign) => !source.includes(sign));
  const write = (text: string) => quietMentions(text).replaceAll('<', less).replaceAll('&', and);
  const marked = serializeMarkdown(tree.map((block) => mapBlock(block, write)));
  return marked.replaceAll(less, '&lt;').replaceAll(and, '&amp;');
}

const STAND_INS = ['\u204c', '\u204d', '\u2e3f', '\u2e3e', '\u2e4b', '\u2e4c', '\ua67e', '\u2cfe'];

/** These would call everybody. A space without width keeps them readable and makes them words like others. */
function quietMentions(text: string): string {
  return text.replace(/@(?=(?:all|channel|here)(?![a-z0-9]))/gi, '@\u200b');
}

function asLines(text: string): readonly Block[] {
  const children = text
    .split('\n')
    .flatMap((line, i): Inline[] => [
      ...(i === 0 ? [] : [{ type: 'break' } as const]),
      ...(line === '' ? [] : [{ type: 'text', text: line } as const]),
    ]);
  return children.length === 0 ? [] : [{ type: 'paragraph', children }];
}

type Write = (text: string) => string;

function mapBlock(block: Block, write: Write): Block {
  const all = (blocks: readonly Block[]) => blocks.map((one) => mapBlock(one, write));
  const inlines = (nodes: readonly Inline[]) => nodes.map((node) => mapInline(node, write));
  switch (block.type) {
    case 'paragraph':
    case 'heading':
      return { ...block, children: inlines(block.children) };
    case 'quote':
      return { ...block, children: all(block.children) };
    case 'list':
      return { ...block, items: block.items.map((item) => ({ ...item, children: all(item.children) })) };
    case 'table':
      return { ...block, header: block.header.map(inlines), rows: block.rows.map((row) => row.map(inlines)) };
    default:
      return block;
  }
}

function mapInline(node: Inline, write: Write): Inline {
  switch (node.type) {
    case 'text':
      return { ...node, text: write(node.text) };
    case 'code':
    case 'break':
      return node;
    case 'image':
      // Clients fetch an image by themselves, and its address could carry away what was said here; a link waits for the reader.
      return { type: 'link', href: node.href, children: [{ type: 'text', text: write(node.alt || node.href) }] };
    default:
      return { ...node, children: node.children.map((child) => mapInline(child, write)) };
  }
}
