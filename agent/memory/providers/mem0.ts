// Mem0 platform, API v3 (deletions: v1): https://docs.mem0.ai/api-reference, as in github.com/mem0ai/mem0 docs/openapi.json at 8d5b786 (2026-08-22; read
// 2026-11-21). Mem0's server for one's own machine has another API, which is not spoken here.
import { z } from 'zod';
import type { Service } from './http.ts';
import type { MemoryProvider } from './provider.ts';

/** Memories of one page, and pages that are looked through for those of one turn. */
const PAGE = 200;
const MAX_PAGES = 200;

const anything = z.unknown();
const listed = z.object({
  next: z.string().nullish(),
  results: z.array(z.object({ id: z.string(), metadata: z.looseObject({}).nullish() })),
});
const found = z.object({ results: z.array(z.object({ memory: z.string() })) });

export function makeMem0(service: Service, workspace: string): MemoryProvider {
  const add = (json: object, signal: AbortSignal) =>
    service.ask({ method: 'POST', path: '/v3/memories/add/', json, shape: anything, signal });
  return {
    title: 'Mem0',
    async recall({ subject, text, limit, signal }) {
      // Who it is about must stand among the filters; beside them it is refused.
      const json = { query: text, filters: { user_id: subject }, top_k: limit };
      const { results } = await service.ask({
        method: 'POST',
        path: '/v3/memories/search/',
        json,
        shape: found,
        signal,
      });
      return results.map(({ memory }) => memory);
    },
    async noteTurn({ subject, turn, messages }, signal) {
      const said = messages.map(({ role, text }) => ({ role, content: text }));
      await add({ messages: said, user_id: subject, metadata: { source: workspace, turn } }, signal);
    },
    async noteMemory({ subject, id, text }, signal) {
      // Kept word for word: it is a fact already.
      const messages = [{ role: 'user', content: text }];
      await add({ messages, user_id: subject, infer: false, metadata: { source: workspace, memory: id } }, signal);
    },
    async forgetAll(subject, signal) {
      const path = `/v1/memories/?user_id=${subject}`;
      await service.ask({ method: 'DELETE', path, shape: anything, notFound: null, signal });
    },
    async forgetItem({ subject, kind, id }, signal) {
      const memories: { memory_id: string }[] = [];
      for (let page = 1, more = true; more && page <= MAX_PAGES; page++) {
        const found = await service.ask({
          method: 'POST',
          path: `/v3/memories/?page=${page}&page_size=${PAGE}`,
          json: { filters: { user_id: subject }, show_expired: true },
          shape: listed,
          notFound: { results: [] },
          signal,
        });
        for (const one of found.results) if (one.metadata?.[kind] === id) memories.push({ memory_id: one.id });
        more = typeof found.next === 'string';
      }
      for (let at = 0; at < memories.length; at += PAGE) {
        const json = { memories: memories.slice(at, at + PAGE) };
        await service.ask({ method: 'DELETE', path: '/v1/batch/', json, shape: anything, signal });
      }
    },
  };
}
