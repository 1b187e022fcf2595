// Exa: https://docs.exa.ai/reference/search (read 2026-11-21).
import { z } from 'zod';
import { askService, readJson, type ProviderDeps, type SearchProvider } from './provider.ts';

const SERVICE = 'Exa';
const answer = z.object({
  results: z.array(
    z.object({
      url: z.string(),
      title: z.string().nullish(),
      highlights: z.array(z.string()).nullish(),
      text: z.string().nullish(),
    }),
  ),
});

export function makeExa(deps: ProviderDeps, key: string, baseUrl: string): SearchProvider {
  return {
    id: 'exa',
    async search({ query, limit, signal }) {
      const response = await askService(deps, {
        service: SERVICE,
        url: new URL('/search', baseUrl).href,
        headers: { 'x-api-key': key },
        json: { query, type: 'auto', numResults: limit, contents: { highlights: true } },
        signal,
      });
      return readJson(SERVICE, response, answer).results.map((hit) => ({
        title: hit.title ?? '',
        url: hit.url,
        snippet: hit.highlights?.join(' … ') ?? hit.text ?? '',
      }));
    },
  };
}
