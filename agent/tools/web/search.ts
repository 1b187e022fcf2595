// The search tool over whichever service is set.
import { z } from 'zod';
import { AppError } from '../../../shared/errors.ts';
import { cleanText, preview } from '../../../shared/text.ts';
import { defineTool, type Tool } from '../tool.ts';
import { dropInvisible } from './extract/invisible.ts';
import type { SearchHit, SearchProvider } from './search/provider.ts';
import { explainQuery, MAX_QUERY_CHARS } from './search/query.ts';

const DEFAULT_LIMIT = 5;
const MAX_LIMIT = 20;
const SNIPPET_CHARS = 500;

/** `choose` is asked at each search, so that a key that was added later counts. */
export function makeSearchTool(choose: () => SearchProvider, timeoutMs: number): Tool {
  return defineTool({
    name: 'web_search',
    description: 'Searches the web: titles, addresses and snippets. Read pages with web_extract.',
    parameters: z.strictObject({
      query: z.string().min(1).max(MAX_QUERY_CHARS),
      limit: z.int().min(1).max(MAX_LIMIT).optional().describe(`Default ${DEFAULT_LIMIT}`),
    }),
    effect: 'pure',
    // A query leaves the machine, but to the one service that its owner chose; explainQuery says what may not go with it.
    assess: ({ query }) => ({ effect: 'pure', touches: [], forbidden: explainQuery(query) }),
    timeoutMs: () => timeoutMs + 5_000,
    origin: 'foreign',
    toolset: 'web_access',
    summarize: ({ query }) => `searching the web for "${preview(query, 80)}"`,
    async execute({ query, limit = DEFAULT_LIMIT }, { signal }) {
      const problem = explainQuery(query);
      if (problem !== undefined) throw new AppError('not_allowed', problem);
      const hits = await choose().search({ query: query.trim(), limit, signal });
      const shown = distinct(hits).slice(0, limit);
      if (shown.length === 0) return { text: 'Nothing was found.' };
      return { text: shown.map((hit, index) => showHit(hit, index + 1)).join('\n\n') };
    },
  });
}

function showHit(hit: SearchHit, number: number): string {
  const title = preview(plain(hit.title), 200) || '(untitled)';
  return [`${number}. ${title}`, hit.url, preview(plain(hit.snippet), SNIPPET_CHARS)]
    .filter((line) => line !== '')
    .join('\n   ');
}

/** First of each page; addresses that are no web addresses go. */
function distinct(hits: readonly SearchHit[]): readonly SearchHit[] {
  const seen = new Set<string>();
  return hits.flatMap((hit) => {
    if (!URL.canParse(hit.url)) return [];
    const url = new URL(hit.url);
    if (!/^https?:$/.test(url.protocol)) return [];
    const key = `${url.host.replace(/^www\./, '')}${url.pathname.replace(/\/$/, '')}${url.search}`;
    if (seen.has(key)) return [];
    seen.add(key);
    return [{ ...hit, url: url.href }];
  });
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  nbsp: ' ',
  '#39': "'",
  '#x27': "'",
};

/** Services mark words with HTML tags, and escape the rest. */
function plain(text: string): string {
  return dropInvisible(cleanText(text))
    .replace(/<\/?(strong|b|em|i|span|mark)\b[^>]{0,100}>/gi, '')
    .replace(/&(amp|lt|gt|quot|nbsp|#39|#x27);/gi, (whole, name: string) => ENTITIES[name.toLowerCase()] ?? whole);
}
