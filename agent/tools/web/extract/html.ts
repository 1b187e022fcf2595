// A web page as markdown: hidden parts out, the main part found, links made whole, the rest dropped.
import { absoluteUrl, lineOf, parsePage, type PageDocument, type PageElement } from './dom.ts';
import { removeHidden } from './hidden.ts';
import type { PageFormat, PageText } from './job.ts';
import { toMarkdown } from './markdown.ts';

/** UTF-16 units of markup that are parsed, scripts and styles not counted: about a second of work and 300 MB at most. */
const MAX_MARKUP = 3_000_000;
const MAX_ELEMENTS = 150_000;
/** A main part this much shorter than the page was not the main part. */
const MIN_SHARE = 0.1;

export async function readHtml(html: string, url: string, format: PageFormat): Promise<PageText> {
  // Nobody sees how long a run of spaces is, and expressions of the converter take quadratic time for them.
  const slim = withoutScripts(html).replace(/[ \t]{200,}/g, ' '.repeat(200));
  const document = await parsePage(slim.slice(0, MAX_MARKUP));
  removeHidden(document);
  const base = absoluteUrl(document.querySelector('base')?.getAttribute('href') ?? null, url) ?? url;
  makeLinksWhole(document, base);
  const known = readMeta(document);
  const whole = document.body?.innerHTML ?? '';
  const bodyChars = lineOf(document.body).length;
  const article = await findArticle(document);
  const text =
    article !== undefined && article.text.length >= Math.max(200, bodyChars * MIN_SHARE)
      ? await toMarkdown(await contentOf(article.content), format)
      : await toMarkdown(await contentOf(whole), format);
  return {
    title: article?.title || known.title,
    author: article?.author ?? known.author,
    date: article?.date ?? known.date,
    text,
    note: slim.length > MAX_MARKUP ? 'The page is very large: only its first part was read.' : undefined,
  };
}

interface Article {
  title: string | undefined;
  author: string | undefined;
  date: string | undefined;
  content: string;
  text: string;
}

/** Undefined for front pages, lists and forms, which are read as a whole. Takes `document` apart. */
async function findArticle(document: PageDocument): Promise<Article | undefined> {
  const { isProbablyReaderable, Readability } = await import('@mozilla/readability');
  try {
    if (!isProbablyReaderable(document, { visibilityChecker: () => true })) return undefined;
    const found = new Readability(document, { maxElemsToParse: MAX_ELEMENTS, keepClasses: true }).parse();
    if (!found?.content) return undefined;
    return {
      title: found.title ?? undefined,
      author: oneLine(found.byline),
      date: oneLine(found.publishedTime),
      content: found.content,
      text: found.textContent ?? '',
    };
  } catch {
    return undefined; // too many elements, or markup that it stumbles over
  }
}

function readMeta(document: PageDocument): Pick<PageText, 'title' | 'author' | 'date'> {
  const meta = (...names: readonly string[]) =>
    names
      .map((name) => document.querySelector(`meta[property="${name}"], meta[name="${name}"]`)?.getAttribute('content'))
      .map(oneLine)
      .find((value) => value !== undefined);
  return {
    title:
      meta('og:title') ??
      oneLine(document.querySelector('title')?.textContent) ??
      oneLine(document.querySelector('h1')?.textContent),
    author: meta('author', 'article:author'),
    date:
      meta('article:published_time', 'date', 'dc.date', 'datePublished') ??
      oneLine(document.querySelector('time[datetime]')?.getAttribute('datetime')),
  };
}

async function contentOf(html: string): Promise<PageElement> {
  const document = await parsePage(`<html><head></head><body>${html}</body></html>`);
  return document.body ?? document;
}

function makeLinksWhole(document: PageDocument, base: string): void {
  for (const link of document.querySelectorAll('a[href]')) {
    const url = absoluteUrl(link.getAttribute('href'), base);
    if (url === undefined) link.removeAttribute('href');
    else link.setAttribute('href', url);
  }
  for (const image of document.querySelectorAll('img')) {
    const url = absoluteUrl(image.getAttribute('src'), base);
    const alt = (image.getAttribute('alt') ?? '').replace(/\s+/g, ' ').trim();
    // Without words a picture says nothing to a reader of text.
    if (url === undefined || alt === '') image.remove();
    else {
      image.setAttribute('src', url);
      image.setAttribute('alt', alt.slice(0, 300));
    }
  }
}

/** Scripts and styles are most of many pages. Styles stay, for they tell what is hidden, and data for search engines, for its dates. */
function withoutScripts(html: string): string {
  const open = /<script\b([^>]{0,2000})>/gi;
  const close = /<\/script\s*>/gi;
  let out = '';
  let from = 0;
  for (let match = open.exec(html); match !== null; match = open.exec(html)) {
    close.lastIndex = open.lastIndex;
    const end = close.exec(html) === null ? html.length : close.lastIndex;
    const isData = /ld\+json/i.test(match[1] ?? '') && end - match.index < 100_000;
    out += html.slice(from, isData ? end : match.index);
    from = end;
    open.lastIndex = end;
  }
  return out + html.slice(from);
}

function oneLine(text: string | null | undefined): string | undefined {
  const line = (text ?? '').replace(/\s+/g, ' ').trim().slice(0, 300);
  return line === '' ? undefined : line;
}
