// The markdown tree as the HTML of a mail: few tags, styles where they stand (many readers drop style sheets), nothing that loads or runs.
import type { Block, Inline, ListItem } from '../../markdown.ts';
import { escapeHtml } from '../../../shared/text.ts';

const FONT = 'font-family:-apple-system,Segoe UI,Roboto,Helvetica,Arial,sans-serif;font-size:15px;line-height:1.5';
const MONO = 'font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:13px';
const BORDER = '1px solid #c8ccd0';
const STYLES = {
  code: `${MONO};background:#f2f3f5;padding:1px 4px;border-radius:3px`,
  pre: `${MONO};background:#f2f3f5;padding:10px;border-radius:5px;white-space:pre-wrap;overflow-wrap:anywhere`,
  quote: `margin:0 0 1em;padding:0 0 0 12px;border-left:3px solid #c8ccd0`,
  table: 'border-collapse:collapse;margin:0 0 1em',
  cell: `border:${BORDER};padding:4px 8px;text-align:left;vertical-align:top`,
};

export function renderHtml(blocks: readonly Block[]): string {
  const body = renderBlocks(blocks);
  return `<!doctype html>\n<html><head><meta charset="utf-8"></head><body style="${FONT}">\n${body}\n</body></html>\n`;
}

function renderBlocks(blocks: readonly Block[]): string {
  return blocks.map(renderBlock).join('\n');
}

function renderBlock(block: Block): string {
  switch (block.type) {
    case 'paragraph':
      return `<p>${renderInlines(block.children)}</p>`;
    case 'heading': {
      // A mail has a subject; its own headings begin below that.
      const level = Math.min(6, block.level + 1);
      return `<h${level}>${renderInlines(block.children)}</h${level}>`;
    }
    case 'code':
      return `<pre style="${STYLES.pre}"><code>${escapeHtml(block.text)}</code></pre>`;
    case 'quote':
      return `<blockquote style="${STYLES.quote}">${renderBlocks(block.children)}</blockquote>`;
    case 'list': {
      const items = block.items.map(renderItem).join('\n');
      const start = block.ordered && block.start !== 1 ? ` start="${block.start}"` : '';
      return block.ordered ? `<ol${start}>\n${items}\n</ol>` : `<ul>\n${items}\n</ul>`;
    }
    case 'table':
      return renderTable(block.header, block.rows);
    case 'rule':
      return `<hr style="border:0;border-top:${BORDER}">`;
  }
}

function renderItem(item: ListItem): string {
  const box = item.checked === undefined ? '' : item.checked ? '☑ ' : '☐ ';
  const [first, ...rest] = item.children;
  // A list of lines is no list of paragraphs.
  const inner =
    first?.type === 'paragraph'
      ? [renderInlines(first.children), ...rest.map(renderBlock)].join('\n')
      : renderBlocks(item.children);
  return `<li>${box}${inner}</li>`;
}

type Cells = readonly (readonly Inline[])[];

function renderTable(header: Cells, rows: readonly Cells[]): string {
  const cell = (tag: 'th' | 'td') => (nodes: readonly Inline[]) =>
    `<${tag} style="${STYLES.cell}">${renderInlines(nodes)}</${tag}>`;
  const head = `<tr>${header.map(cell('th')).join('')}</tr>`;
  const body = rows.map((row) => `<tr>${header.map((_, i) => cell('td')(row[i] ?? [])).join('')}</tr>`);
  return `<table style="${STYLES.table}">\n${[head, ...body].join('\n')}\n</table>`;
}

function renderInlines(nodes: readonly Inline[]): string {
  return nodes.map(renderInline).join('');
}

function renderInline(node: Inline): string {
  switch (node.type) {
    case 'text':
      return escapeHtml(node.text);
    case 'break':
      return '<br>\n';
    case 'code':
      return `<code style="${STYLES.code}">${escapeHtml(node.text)}</code>`;
    case 'bold':
      return `<b>${renderInlines(node.children)}</b>`;
    case 'italic':
      return `<i>${renderInlines(node.children)}</i>`;
    case 'strike':
      return `<s>${renderInlines(node.children)}</s>`;
    case 'link':
      return link(node.href, renderInlines(node.children));
    case 'image':
      // Shown as a link: an image would tell its server when the mail is read.
      return link(node.href, escapeHtml(node.alt || node.href));
  }
}

function link(href: string, label: string): string {
  return /^(?:https?:\/\/|mailto:|tel:)/i.test(href) ? `<a href="${escapeHtml(href)}">${label}</a>` : label;
}
