// Our tree → Telegram's HTML parse mode, https://core.telegram.org/bots/api#html-style, read 2026-11-21. What Telegram has no markup
// for (headings, lists, tables, rules) is text, never longer than the plain rendering that parts are measured by.
import type { Block, Inline, ListItem } from '../markdown.ts';
import { escapeHtml } from '../../shared/text.ts';
import { layOutTable } from '../plain.ts';

export function renderHtml(blocks: readonly Block[]): string {
  return renderBlocks(blocks, { quoted: false, gap: '\n\n' });
}

interface Place {
  /** Inside a blockquote, where Telegram allows no other. */
  quoted: boolean;
  gap: '\n' | '\n\n';
}

function renderBlocks(blocks: readonly Block[], place: Place): string {
  return blocks.map((block) => renderBlock(block, place)).join(place.gap);
}

function renderBlock(block: Block, place: Place): string {
  switch (block.type) {
    case 'paragraph':
      return renderInlines(block.children, NO_STYLE);
    case 'heading':
      return `<b>${renderInlines(block.children, { ...NO_STYLE, bold: true })}</b>`;
    case 'code':
      return renderCode(block.text, block.language);
    case 'quote': {
      const inner = renderBlocks(block.children, { quoted: true, gap: '\n\n' });
      return place.quoted ? prefixLines(inner, '&gt; ') : `<blockquote>${inner}</blockquote>`;
    }
    case 'list':
      return block.items
        .map((item, i) => renderItem(item, block.ordered ? `${block.start + i}.` : '•', place))
        .join('\n');
    case 'table':
      return `<pre>${escapeHtml(layOutTable(block.header, block.rows))}</pre>`;
    case 'rule':
      return '———';
  }
}

/** Telegram drops a code block without text, and would call the message empty. */
function renderCode(text: string, language: string): string {
  if (text.trim() === '') return '';
  const code = escapeHtml(text);
  return language === ''
    ? `<pre>${code}</pre>`
    : `<pre><code class="language-${escapeHtml(language)}">${code}</code></pre>`;
}

function renderItem(item: ListItem, bullet: string, place: Place): string {
  const box = item.checked === undefined ? '' : item.checked ? '☑ ' : '☐ ';
  const text = renderBlocks(item.children, { ...place, gap: '\n' });
  return `${bullet} ${box}${indentLines(text, ' '.repeat(bullet.length + 1))}`.trimEnd();
}

function prefixLines(html: string, prefix: string): string {
  return html.replace(/^(?!$)/gm, prefix);
}

/** Indents continuation lines, except inside <pre>, which shows its own lines and is not part of the item's text. */
function indentLines(html: string, indent: string): string {
  return html
    .split(/(<pre>[\s\S]*?<\/pre>)/)
    .map((part) => (part.startsWith('<pre>') ? part : part.replace(/\n(?!\n|$)/g, `\n${indent}`)))
    .join('');
}

/** What is in force: Telegram takes no code inside a link and no style inside itself. */
interface Style {
  bold: boolean;
  link: boolean;
}

const NO_STYLE: Style = { bold: false, link: false };

function renderInlines(nodes: readonly Inline[], style: Style): string {
  return nodes.map((node) => renderInline(node, style)).join('');
}

function renderInline(node: Inline, style: Style): string {
  switch (node.type) {
    case 'text':
      return escapeHtml(node.text);
    case 'break':
      return '\n';
    case 'code':
      return style.link ? escapeHtml(node.text) : `<code>${escapeHtml(node.text)}</code>`;
    case 'bold': {
      const inner = renderInlines(node.children, { ...style, bold: true });
      return style.bold ? inner : `<b>${inner}</b>`;
    }
    case 'italic':
      return `<i>${renderInlines(node.children, style)}</i>`;
    case 'strike':
      return `<s>${renderInlines(node.children, style)}</s>`;
    case 'link':
      return `<a href="${escapeHtml(node.href)}">${renderInlines(node.children, { ...style, link: true })}</a>`;
    case 'image':
      return `<a href="${escapeHtml(node.href)}">${escapeHtml(node.alt || node.href)}</a>`;
  }
}

/** Length of rendered text as Telegram counts it: UTF-16 units after its entities are parsed. */
export function countHtmlChars(html: string): number {
  return html.replace(/<[^>]*>/g, '').replace(/&(?:amp|lt|gt|quot);/g, '.').length;
}
