// A tree of HTML as markdown or as plain text.
import type TurndownService from 'turndown';
import type { PageElement, PageNode } from './dom.ts';
import type { PageFormat } from './job.ts';

const NOT_CONTENT =
  'script, style, noscript, template, iframe, svg, canvas, object, embed, nav, button, select, input:not([type=checkbox])';

/** `format` `text` leaves out addresses, pictures and marks of emphasis. */
export async function toMarkdown(root: PageElement, format: PageFormat): Promise<string> {
  const { default: Turndown } = await import('turndown');
  const { highlightedCodeBlock, strikethrough } = await import('@joplin/turndown-plugin-gfm');
  for (const element of root.querySelectorAll(NOT_CONTENT)) element.remove();
  for (const table of root.querySelectorAll('table')) flatten(table);
  const service = new Turndown({
    headingStyle: 'atx',
    codeBlockStyle: 'fenced',
    bulletListMarker: '-',
    emDelimiter: '_',
  });
  service.use([highlightedCodeBlock, strikethrough]);
  // The plugin's rule reads a property that this parser does not have.
  service.addRule('task', {
    filter: 'input',
    replacement: (_content, node: PageElement) => (node.getAttribute('checked') === null ? '[ ]' : '[x]'),
  });
  addTables(service);
  if (format === 'text') {
    service.addRule('plain', {
      filter: ['a', 'em', 'i', 'strong', 'b', 'del', 's'],
      replacement: (content) => content,
    });
    service.addRule('pictures', { filter: 'img', replacement: () => '' });
  }
  // Line by line: an expression over the whole text would take quadratic time for long runs of spaces.
  const lines = service.turndown(root).split('\n');
  return lines
    .map((line) => line.trimEnd())
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
}

/** Rules that look at one cell or row each. Those of the plugin look at the whole table for every one: a minute for some thousand rows. */
function addTables(service: TurndownService): void {
  const begun = new WeakSet<object>();
  service.addRule('cell', {
    filter: ['td', 'th'],
    replacement: (content, node: PageElement) => {
      const text = content.trim().replace(/\n+/g, '<br>').replaceAll('|', '\\|');
      const span = Math.min(20, Number(node.getAttribute('colspan') ?? 1) || 1);
      return ` ${text} |${'  |'.repeat(span - 1)}`;
    },
  });
  service.addRule('row', {
    filter: 'tr',
    replacement: (content, node: PageElement) => {
      const line = `\n|${content}`;
      const table = tableOf(node);
      if (table === null || begun.has(table)) return line;
      begun.add(table);
      const columns = content.replaceAll('\\|', '').split('|').length - 1;
      return `${line}\n|${' --- |'.repeat(columns)}`;
    },
  });
  service.addRule('section', { filter: ['thead', 'tbody', 'tfoot'], replacement: (content) => content });
  service.addRule('caption', { filter: 'caption', replacement: (content) => `\n\n${content.trim()}\n\n` });
  service.addRule('columns', { filter: ['colgroup', 'col'], replacement: () => '' });
  service.addRule('table', { filter: 'table', replacement: (content) => `\n\n${content.trim()}\n\n` });
}

/** Markdown's tables hold lines only; the converter would leave others as HTML. Tables that are a page's layout become plain parts. */
function flatten(table: PageElement): void {
  if (table.querySelector('table, h1, h2, h3, h4, h5, h6') !== null || !hasColumns(table)) {
    const own = (selector: string) => [...table.querySelectorAll(selector)].filter((part) => tableOf(part) === table);
    const cells = own('td, th');
    const frame = own('caption, colgroup, thead, tbody, tfoot, tr');
    for (const cell of cells) cell.replaceWith(...wrapped(cell));
    for (const part of frame) unwrap(part);
    return unwrap(table);
  }
  for (const line of table.querySelectorAll('hr')) line.remove();
  for (const item of table.querySelectorAll('li')) item.innerHTML = `${item.innerHTML}<br>`;
  for (const block of table.querySelectorAll('ul, ol, li, blockquote')) unwrap(block);
}

function hasColumns(table: PageElement): boolean {
  return table.querySelector('td + td, td + th, th + td, th + th') !== null;
}

/** A block of its own for the content of a cell. */
function wrapped(cell: PageElement): readonly PageNode[] {
  const block = cell.ownerDocument.createElement('div');
  block.append(...cell.childNodes);
  return [block];
}

function tableOf(element: PageElement): PageElement | null {
  let at = element.parentElement;
  while (at !== null && !/^table$/i.test(at.tagName)) at = at.parentElement;
  return at;
}

function unwrap(element: PageElement): void {
  element.replaceWith(...element.childNodes);
}
