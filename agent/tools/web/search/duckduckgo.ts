// DuckDuckGo's page for browsers without scripts: needs no key, is no interface for programs, and asks for a captcha when it likes.
import { AppError } from '../../../../shared/errors.ts';
import type { ReadPage } from '../extract/reader.ts';
import { askService, type ProviderDeps, type SearchHit, type SearchProvider } from './provider.ts';

const SERVICE = 'DuckDuckGo';

export function makeDuckDuckGo(deps: ProviderDeps, readPage: ReadPage, baseUrl: string): SearchProvider {
  return {
    id: 'duckduckgo',
    async search({ query, signal }) {
      const url = new URL('/html/', baseUrl).href;
      const response = await askService(deps, { service: SERVICE, url, form: { q: query }, signal });
      const html = new TextDecoder().decode(response.body);
      const found = await readPage({ kind: 'results', html, url: response.url }, signal);
      const hits = (found.links ?? []).flatMap(toHit);
      // It refuses with 202 and a page of pictures to choose from.
      if (hits.length === 0 && (response.status === 202 || /anomaly-modal|anomaly\.js|challenge-form/.test(html)))
        throw new AppError(
          'tool_unavailable',
          'DuckDuckGo wants a captcha from this machine, so there are no results. Set a search service with a key ' +
            '(BRAVE_API_KEY, TAVILY_API_KEY or EXA_API_KEY) or a SearXNG server (search.searxng_url).',
        );
      return hits;
    },
  };
}

/** Links lead over a counter of its own: the real address is in `uddg`. Advertisements lead over another one. */
function toHit(link: SearchHit): readonly SearchHit[] {
  if (!URL.canParse(link.url)) return [];
  const url = new URL(link.url);
  if (!/(^|\.)duckduckgo\.com$/.test(url.hostname)) return [link];
  const target = url.pathname === '/l/' ? url.searchParams.get('uddg') : null;
  return target === null ? [] : [{ ...link, url: target }];
}
