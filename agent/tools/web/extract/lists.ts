// Pages that are lists by nature: RSS and Atom feeds, and results of a search.
import { absoluteUrl, lineOf, parsePage, parseXml, type PageElement } from './dom.ts';
import type { PageText } from './job.ts';

const MAX_ENTRIES = 100;
const SUMMARY_CHARS = 1_000;

/** RSS 2.0, RSS 1.0 and Atom. */
export async function readFeed(xml: string, url: string): Promise<PageText> {
  const document = await parseXml(xml);
  const entries = [...document.querySelectorAll('item, entry')];
  const lines: string[] = [];
  for (const entry of entries.slice(0, MAX_ENTRIES)) {
    const link = child(entry, 'link');
    const address = absoluteUrl(lineOf(link) || (link?.getAttribute('href') ?? null), url);
    const date = lineOf(child(entry, 'pubDate', 'published', 'updated', 'dc:date'));
    const summary = await plain(
      child(entry, 'description', 'summary', 'content', 'content:encoded')?.textContent ?? '',
    );
    lines.push(
      [
        `## ${(await plain(lineOf(child(entry, 'title')))) || '(untitled)'}`,
        [date, address].filter(Boolean).join(' · '),
        summary.slice(0, SUMMARY_CHARS),
      ]
        .filter((line) => line !== '')
        .join('\n'),
    );
  }
  const head = document.querySelector('channel') ?? document.documentElement;
  return {
    title: head === null ? undefined : lineOf(child(head, 'title')) || undefined,
    text: lines.join('\n\n') || 'The feed has no entries.',
    note:
      entries.length > MAX_ENTRIES
        ? `Only the first ${MAX_ENTRIES} of ${entries.length} entries were read.`
        : undefined,
  };
}

/** Of DuckDuckGo's page for browsers without scripts. */
export async function readResults(html: string, url: string): Promise<PageText> {
  const document = await parsePage(html);
  const links = [...document.querySelectorAll('.result')].flatMap((result) => {
    if (/\bresult--ad\b/.test(result.getAttribute('class') ?? '')) return [];
    const link = result.querySelector('a.result__a');
    const address = absoluteUrl(link?.getAttribute('href') ?? null, url);
    if (link === null || address === undefined) return [];
    return [{ title: lineOf(link), url: address, snippet: lineOf(result.querySelector('.result__snippet')) }];
  });
  return { text: '', links };
}

/** Of the first of `names` that is there, among the children. */
function child(parent: PageElement, ...names: readonly string[]): PageElement | undefined {
  for (const name of names) {
    for (const node of parent.childNodes) {
      if (node.nodeName.toLowerCase() === name.toLowerCase() && isElement(node)) return node;
    }
  }
  return undefined;
}

function isElement(node: object): node is PageElement {
  return 'getAttribute' in node;
}

/** Text of markup that a feed carries as text. */
async function plain(html: string): Promise<string> {
  if (!/[<&]/.test(html)) return html.replace(/\s+/g, ' ').trim();
  return lineOf((await parsePage(html.slice(0, 50_000))).body);
}
