// A tree of HTML as markdown or as plain text.
import type { PageElement, PageNode } from './dom.ts';
import type { PageFormat } from './job.ts';

const NOT_CONTENT = [
  'script',
  'style',
  'noscript',
  'template',
  'iframe',
  'svg',
  'canvas',
  'object',
  'embed',
  'nav',
  'button',
] as const;

/** `format` `text` leaves out addresses, pictures and marks of emphasis. */
export async function toMarkdown(root: PageElement, format: PageFormat): Promise<string> {
  const { default: TurndownService } = await import('turndown');
  const { gfm } = await import('@joplin/turndown-plugin-gfm');
  for (const element of root.querySelectorAll([...NOT_CONTENT, 'select', 'input'].join(','))) element.remove();
  for (const table of root.querySelectorAll('table')) flatten(table);
  const service = new TurndownService({
    headingStyle: 'atx',
    codeBlockStyle: 'fenced',
    bulletListMarker: '-',
    emDelimiter: '_',
  });
  service.use(gfm);
  if (format === 'text') {
    service.addRule('plain', {
      filter: ['a', 'em', 'i', 'strong', 'b', 'del', 's'],
      replacement: (content) => content,
    });
    service.addRule('pictures', { filter: 'img', replacement: () => '' });
  }
  return service
    .turndown(root.innerHTML)
    .replace(/[ \t]+$/gm, '')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
}

/** Markdown's tables hold lines only; the converter would leave others as HTML. Tables that are a page's layout become plain parts. */
function flatten(table: PageElement): void {
  if (table.querySelector('table, h1, h2, h3, h4, h5, h6') !== null) {
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
