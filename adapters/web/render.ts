// Markdown tree to HTML for the page. Invariant: every character of foreign text passes escapeHtml, every address safeHref; the tree
// cannot name a tag or an attribute. The page's content security policy is the second wall, not the first.
import type { Block, Inline, ListItem } from '../markdown.ts';

const SAFE_SCHEMES: ReadonlySet<string> = new Set(['http:', 'https:', 'mailto:', 'tel:']);
const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** HTML of a tree, without script, style and remote content: images become links, so that reading an answer fetches nothing. */
export function renderHtml(body: readonly Block[]): string {
  return body.map(renderBlock).join('\n');
}

/** `text` with the five characters replaced that mean something in HTML text or a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => ESCAPES[char] ?? '');
}

/** The address when its scheme is http, https, mailto or tel; undefined for everything else, relative addresses included. */
export function safeHref(href: string): string | undefined {
  const url = URL.parse(href.trim());
  return url !== null && SAFE_SCHEMES.has(url.protocol) ? url.href : undefined;
}

function renderBlock(block: Block): string {
  switch (block.type) {
    case 'paragraph':
      return `<p dir="auto">${renderInlines(block.children)}</p>`;
    case 'heading': {
      // The page's own title is the first level.
      const level = Math.min(6, block.level + 1);
      return `<h${level} dir="auto">${renderInlines(block.children)}</h${level}>`;
    }
    case 'code':
      return renderCode(block.language, block.text);
    case 'quote':
      return `<blockquote dir="auto">${renderHtml(block.children)}</blockquote>`;
    case 'list':
      return renderList(block.ordered, block.start, block.items);
    case 'table':
      return renderTable(block.header, block.rows);
    case 'rule':
      return '<hr>';
  }
}

function renderInlines(inlines: readonly Inline[]): string {
  return inlines.map(renderInline).join('');
}

function renderInline(inline: Inline): string {
  switch (inline.type) {
    case 'text':
      return escapeHtml(inline.text);
    case 'code':
      return `<code>${escapeHtml(inline.text)}</code>`;
    case 'bold':
      return `<strong>${renderInlines(inline.children)}</strong>`;
    case 'italic':
      return `<em>${renderInlines(inline.children)}</em>`;
    case 'strike':
      return `<s>${renderInlines(inline.children)}</s>`;
    case 'link':
      return renderLink(inline.href, renderInlines(inline.children));
    case 'image':
      return renderLink(inline.href, `🖼 ${escapeHtml(inline.alt === '' ? 'image' : inline.alt)}`);
    case 'break':
      return '<br>';
  }
}

function renderLink(href: string, label: string): string {
  const safe = safeHref(href);
  if (safe === undefined) return label;
  return `<a href="${escapeHtml(safe)}" target="_blank" rel="noopener noreferrer nofollow">${label}</a>`;
}

function renderCode(language: string, text: string): string {
  const caption = language === '' ? '' : `<figcaption>${escapeHtml(language.slice(0, 40))}</figcaption>`;
  return `<figure class="code">${caption}<pre tabindex="0"><code>${escapeHtml(text)}</code></pre></figure>`;
}

function renderList(ordered: boolean, start: number, items: readonly ListItem[]): string {
  const rendered = items.map(renderItem).join('');
  if (!ordered) return `<ul dir="auto">${rendered}</ul>`;
  const from = Number.isSafeInteger(start) && start !== 1 ? ` start="${start}"` : '';
  return `<ol dir="auto"${from}>${rendered}</ol>`;
}

function renderItem({ checked, children }: ListItem): string {
  const [first, ...rest] = children;
  // Text, perhaps with lists below it, stands in the item itself: no blank lines between the items of an ordinary list.
  const isTight = first?.type === 'paragraph' && rest.every((block) => block.type === 'list');
  const inner = isTight
    ? `${renderInlines(first.children)}${rest.map(renderBlock).join('')}`
    : children.map(renderBlock).join('\n');
  if (checked === undefined) return `<li>${inner}</li>`;
  return `<li class="task"><input type="checkbox" disabled${checked ? ' checked' : ''}> ${inner}</li>`;
}

type Cell = readonly Inline[];

function renderTable(header: readonly Cell[], rows: readonly (readonly Cell[])[]): string {
  const row = (cells: readonly Cell[], tag: 'th' | 'td') =>
    `<tr>${cells.map((cell) => `<${tag} dir="auto">${renderInlines(cell)}</${tag}>`).join('')}</tr>`;
  const head = `<thead>${row(header, 'th')}</thead>`;
  const body = rows.map((cells) => row(cells, 'td')).join('');
  return `<div class="table" tabindex="0"><table>${head}<tbody>${body}</tbody></table></div>`;
}
