// Tavily: https://docs.tavily.com/documentation/api-reference/endpoint/search (read 2026-11-21).
import { z } from 'zod';
import { askService, readJson, type ProviderDeps, type SearchProvider } from './provider.ts';

const SERVICE = 'Tavily';
const answer = z.object({
  results: z.array(z.object({ url: z.string(), title: z.string().nullish(), content: z.string().nullish() })),
});

export function makeTavily(deps: ProviderDeps, key: string, baseUrl: string): SearchProvider {
  return {
    id: 'tavily',
    async search({ query, limit, signal }) {
      const response = await askService(deps, {
        service: SERVICE,
        url: new URL('/search', baseUrl).href,
        headers: { authorization: `Bearer ${key}` },
        json: { query, max_results: limit, search_depth: 'basic' },
        signal,
      });
      return readJson(SERVICE, response, answer).results.map((hit) => ({
        title: hit.title ?? '',
        url: hit.url,
        snippet: hit.content ?? '',
      }));
    },
  };
}
