// The tool that reads pages: fetches up to five addresses at once and gives their main text. Words of others, whatever was cleaned away.
import { z } from 'zod';
import { guardedFetch, type GuardedResponse } from '../../net/guarded-fetch.ts';
import type { UrlGuard } from '../../net/guard.ts';
import type { Clock } from '../../../shared/clock.ts';
import { AppError } from '../../../shared/errors.ts';
import { preview } from '../../../shared/text.ts';
import { defineTool, type Tool } from '../tool.ts';
import type { WebSettings } from './config.ts';
import { decodeText } from './extract/charset.ts';
import { dropInvisible } from './extract/invisible.ts';
import type { PageFormat, PageText } from './extract/job.ts';
import { pageKind } from './extract/page-kind.ts';
import type { ReadPage } from './extract/reader.ts';

const MAX_URLS = 5;
const ACCEPT =
  'text/html, application/xhtml+xml, text/markdown;q=0.9, application/pdf;q=0.9, text/plain;q=0.8, */*;q=0.5';

export interface ExtractDeps {
  guard: UrlGuard;
  clock: Clock;
  readPage: ReadPage;
  settings: WebSettings['extract'];
}

export function makeExtractTool(deps: ExtractDeps): Tool {
  return defineTool({
    name: 'web_extract',
    description: 'Reads web pages, PDF and Word files, feeds and JSON: title, author, date and main text.',
    parameters: z.strictObject({
      urls: z.array(z.string().min(1).max(4_000)).min(1).max(MAX_URLS),
      format: z.enum(['markdown', 'text']).optional(),
    }),
    effect: 'pure',
    touches: ['network'],
    assess: ({ urls }) => ({ effect: 'pure', touches: ['network'], addresses: urls }),
    timeoutMs: ({ urls }) => deps.settings.timeout_ms + 25_000 * Math.ceil(urls.length / 2),
    origin: 'foreign',
    toolset: 'web_access',
    summarize: ({ urls }) => `reading ${preview(urls.map(hostOf).join(', '), 100)}`,
    async execute({ urls, format }, { signal }) {
      const pages = await Promise.all(
        [...new Set(urls)].map((url) => readOne(deps, url, { format: format ?? 'markdown', signal })),
      );
      return { text: pages.map(({ text }) => text).join('\n\n---\n\n'), isError: pages.every(({ ok }) => !ok) };
    },
  });
}

/** Never rejects but when it is stopped: one bad address must not cost the others. */
export async function readOne(
  deps: ExtractDeps,
  url: string,
  at: { format: PageFormat; signal: AbortSignal },
): Promise<{ ok: boolean; text: string }> {
  try {
    const response = await guardedFetch(url, {
      guard: deps.guard,
      clock: deps.clock,
      signal: at.signal,
      timeoutMs: deps.settings.timeout_ms,
      maxBytes: deps.settings.max_bytes,
      headers: { accept: ACCEPT },
    });
    if (response.status >= 400) return { ok: false, text: `${url}\nNot read: ${statusText(response.status)}` };
    return { ok: true, text: showPage(response.url, await readText(deps, response, at)) };
  } catch (error) {
    if (at.signal.aborted) throw error;
    if (!(error instanceof AppError)) throw error;
    return { ok: false, text: `${url}\nNot read: ${error.publicMessage}` };
  }
}

async function readText(
  deps: ExtractDeps,
  { body, contentType, url, header }: GuardedResponse,
  { format, signal }: { format: PageFormat; signal: AbortSignal },
): Promise<PageText> {
  const decoded = () => decodeText(body, header('content-type'));
  const kind = pageKind(contentType, body, url);
  switch (kind) {
    case 'html':
      return deps.readPage({ kind, html: decoded(), url, format }, signal);
    case 'pdf':
      return deps.readPage({ kind, bytes: body }, signal);
    case 'docx':
      return deps.readPage({ kind, bytes: body, format }, signal);
    case 'feed':
      return deps.readPage({ kind, xml: decoded(), url }, signal);
    case 'json':
    case 'text':
      return { text: dropInvisible(decoded()) };
    case 'other':
      throw new AppError('bad_input', `it is no text but ${contentType || 'data of an unknown kind'}.`);
  }
}

function showPage(url: string, page: PageText): string {
  const about = [page.author, page.date].filter((part) => part !== undefined).join(' · ');
  const head = [page.title === undefined ? '' : `# ${preview(page.title, 300)}`, url, about, page.note ?? ''];
  const text = page.text.trim() || 'The page has no text; it may be made by scripts: a browser would show more.';
  return `${head.filter((line) => line !== '').join('\n')}\n\n${text}`;
}

function statusText(status: number): string {
  if (status === 401 || status === 402 || status === 407) return `the page is for its members only (${status}).`;
  if (status === 403 || status === 429 || status === 503)
    return `the website refused, perhaps because it lets no programs in (${status}).`;
  return status === 404 || status === 410 ? `there is no such page (${status}).` : `the website failed (${status}).`;
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : url;
}
