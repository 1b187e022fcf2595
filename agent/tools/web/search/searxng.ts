// SearXNG, one's own or a friend's: https://docs.searxng.org/dev/search_api (read 2026-11-21).
import { z } from 'zod';
import { AppError } from '../../../../shared/errors.ts';
import { askService, readJson, type ProviderDeps, type SearchProvider } from './provider.ts';

const SERVICE = 'SearXNG';
const answer = z.object({
  results: z.array(z.object({ url: z.string(), title: z.string().nullish(), content: z.string().nullish() })),
});

export function makeSearxng(deps: ProviderDeps, baseUrl: string): SearchProvider {
  return {
    id: 'searxng',
    async search({ query, signal }) {
      const url = new URL('search', baseUrl.endsWith('/') ? baseUrl : `${baseUrl}/`);
      url.search = new URLSearchParams({ q: query, format: 'json' }).toString();
      try {
        const response = await askService(deps, { service: SERVICE, url: url.href, signal });
        return readJson(SERVICE, response, answer).results.map((hit) => ({
          title: hit.title ?? '',
          url: hit.url,
          snippet: hit.content ?? '',
        }));
      } catch (error) {
        // It has no keys: 403 says that the format is not switched on.
        if (!(error instanceof AppError) || error.code !== 'platform_auth') throw error;
        throw new AppError(
          'tool_unavailable',
          'The SearXNG server does not answer as JSON: add "json" to search.formats in its settings.yml.',
          { cause: error },
        );
      }
    },
  };
}
