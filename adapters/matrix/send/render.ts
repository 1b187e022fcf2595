// Our tree → the HTML that Matrix recommends clients to show, https://spec.matrix.org/v1.16/client-server-api/#mroommessage-msgtypes
// (read 2026-11-21). Nothing of the text gets into it unescaped; addresses are those of the tree, which are http, https, mailto and tel.
import type { Block, Inline, ListItem } from '../../markdown.ts';
import { escapeHtml } from '../../../shared/text.ts';

/** Undefined when there is nothing to format: the plain text says it all. */
export function renderHtml(blocks: readonly Block[]): string | undefined {
  return blocks.every(isPlain) ? undefined : renderBlocks(blocks);
}

function isPlain(block: Block): boolean {
  return block.type === 'paragraph' && block.children.every((node) => node.type === 'text' || node.type === 'break');
}

function renderBlocks(blocks: readonly Block[]): string {
  return blocks.map(renderBlock).join('\n');
}

function renderBlock(block: Block): string {
  switch (block.type) {
    case 'paragraph':
      return `<p>${renderInlines(block.children)}</p>`;
    case 'heading':
      return `<h${block.level}>${renderInlines(block.children)}</h${block.level}>`;
    case 'code':
      return `<pre><code${languageOf(block.language)}>${escapeHtml(block.text)}\n</code></pre>`;
    case 'quote':
      return `<blockquote>\n${renderBlocks(block.children)}\n</blockquote>`;
    case 'list': {
      const items = block.items.map((item) => `<li>${renderItem(item)}</li>`).join('\n');
      const start = block.start === 1 ? '' : ` start="${block.start}"`;
      return block.ordered ? `<ol${start}>\n${items}\n</ol>` : `<ul>\n${items}\n</ul>`;
    }
    case 'table': {
      const head = renderRow(block.header, 'th');
      const rows = block.rows.map((row) => renderRow(row, 'td')).join('\n');
      return `<table>\n<thead>\n${head}\n</thead>\n<tbody>\n${rows}\n</tbody>\n</table>`;
    }
    case 'rule':
      return '<hr>';
  }
}

/** A class is allowed on code when it begins with language-. */
function languageOf(language: string): string {
  return /^[A-Za-z0-9+#._-]{1,40}$/.test(language) ? ` class="language-${escapeHtml(language)}"` : '';
}

/** Paragraphs of an item stand without their tag when there is one only, as clients would set them apart. */
function renderItem({ checked, children }: ListItem): string {
  const box = checked === undefined ? '' : checked ? '☑ ' : '☐ ';
  const [first, ...rest] = children;
  if (first?.type !== 'paragraph') return box + renderBlocks(children);
  const isTight = rest.every((block) => block.type === 'list');
  if (!isTight) return box + renderBlocks(children);
  return [box + renderInlines(first.children), ...rest.map(renderBlock)].join('\n');
}

function renderRow(cells: readonly (readonly Inline[])[], tag: 'th' | 'td'): string {
  return `<tr>${cells.map((cell) => `<${tag}>${renderInlines(cell)}</${tag}>`).join('')}</tr>`;
}

function renderInlines(nodes: readonly Inline[]): string {
  return nodes.map(renderInline).join('');
}

function renderInline(node: Inline): string {
  switch (node.type) {
    case 'text':
      return escapeHtml(node.text);
    case 'break':
      return '<br>';
    case 'code':
      return `<code>${escapeHtml(node.text)}</code>`;
    case 'bold':
      return `<strong>${renderInlines(node.children)}</strong>`;
    case 'italic':
      return `<em>${renderInlines(node.children)}</em>`;
    case 'strike':
      return `<del>${renderInlines(node.children)}</del>`;
    case 'link':
      return `<a href="${escapeHtml(node.href)}">${renderInlines(node.children)}</a>`;
    // <img> is for mxc: addresses only.
    case 'image':
      return `<a href="${escapeHtml(node.href)}">${escapeHtml(node.alt || node.href)}</a>`;
  }
}
