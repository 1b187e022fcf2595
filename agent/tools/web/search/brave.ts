// Brave Search: https://api-dashboard.search.brave.com/api-reference/web/search/get (read 2026-11-21).
import { z } from 'zod';
import { askService, readJson, type ProviderDeps, type SearchProvider } from './provider.ts';

const SERVICE = 'Brave Search';
const MAX_WORDS = 50;
const answer = z.object({
  web: z
    .object({
      results: z.array(z.object({ url: z.string(), title: z.string(), description: z.string().nullish() })),
    })
    .nullish(),
});

export function makeBrave(deps: ProviderDeps, key: string, baseUrl: string): SearchProvider {
  return {
    id: 'brave',
    async search({ query, limit, signal }) {
      const url = new URL('/res/v1/web/search', baseUrl);
      const q = query.split(/\s+/).slice(0, MAX_WORDS).join(' ');
      url.search = new URLSearchParams({ q, count: String(limit), text_decorations: 'false' }).toString();
      const headers = { accept: 'application/json', 'x-subscription-token': key };
      const response = await askService(deps, { service: SERVICE, url: url.href, headers, signal });
      const { web } = readJson(SERVICE, response, answer);
      return (web?.results ?? []).map((hit) => ({ title: hit.title, url: hit.url, snippet: hit.description ?? '' }));
    },
  };
}
