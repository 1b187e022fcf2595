// Our tree → the markdown of Home Assistant's notifications, and plain text for everything else.
import type { OutboundMessage } from '../../contract.ts';
import { plainText, serializeMarkdown, type Block, type Inline, type ListItem } from '../../markdown.ts';

/**
 * For notifications in Home Assistant's frontend. Images become links: the frontend loads them by itself, and their address could carry
 * away what the agent knows.
 */
export function renderMarkdown(message: OutboundMessage, title: string): { title: string; message: string } {
  const blocks = message.plain ? asPlainBlocks(plainText(message.body)) : message.body.map(withoutImages);
  const text = serializeMarkdown([...blocks, ...asPlainBlocks(extrasOf(message, message.buttons.flat()))]);
  return { title: disarmTemplates(title), message: disarmTemplates(text) };
}

/** For phones and voice: no markup. `shown`: how many buttons are shown as such; the others are told as text. */
export function renderPlain(message: OutboundMessage, shown: number): string {
  const text = plainText(message.body).trim();
  const extras = extrasOf(message, message.buttons.flat().slice(shown));
  return [text, extras].filter((part) => part !== '').join('\n\n');
}

/** What has no place of its own: names of files, and buttons as what can be typed instead. */
function extrasOf(message: OutboundMessage, buttons: readonly { label: string; data: string }[]): string {
  return [
    ...message.files.map((file) => `File: ${file.name} (it cannot be shown here)`),
    ...buttons.map((button) => `${button.label}: ${button.data}`),
  ].join('\n');
}

/**
 * Notify actions still render their texts as templates (components/notify/legacy.py, read 2026-11-21), which can read every state and
 * loop without end. A word joiner, which nobody sees, takes that meaning from the brackets.
 */
export function disarmTemplates(text: string): string {
  return text.replace(/\{(?=[{%#])/g, '{\u2060');
}

function asPlainBlocks(text: string): readonly Block[] {
  return text
    .split(/\n{2,}/)
    .filter((part) => part.trim() !== '')
    .map((part) => ({
      type: 'paragraph',
      children: part
        .split('\n')
        .flatMap((line, i): Inline[] =>
          i === 0 ? [{ type: 'text', text: line }] : [{ type: 'break' }, { type: 'text', text: line }],
        ),
    }));
}

function withoutImages(block: Block): Block {
  switch (block.type) {
    case 'paragraph':
    case 'heading':
      return { ...block, children: block.children.map(withoutImage) };
    case 'quote':
      return { ...block, children: block.children.map(withoutImages) };
    case 'list':
      return {
        ...block,
        items: block.items.map((item): ListItem => ({ ...item, children: item.children.map(withoutImages) })),
      };
    case 'table':
      return {
        ...block,
        header: block.header.map((cell) => cell.map(withoutImage)),
        rows: block.rows.map((row) => row.map((cell) => cell.map(withoutImage))),
      };
    case 'code':
    case 'rule':
      return block;
  }
}

function withoutImage(node: Inline): Inline {
  if (node.type === 'image')
    return { type: 'link', href: node.href, children: [{ type: 'text', text: node.alt || node.href }] };
  return 'children' in node ? { ...node, children: node.children.map(withoutImage) } : node;
}
