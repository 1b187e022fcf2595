// RetainDB: https://www.retaindb.com/docs/api/memory (updated 2026-05-25) and /docs/api/session-ingest-extract (updated 2026-03-18), read
// 2026-11-21.
import { z } from 'zod';
import type { Service } from './http.ts';
import type { MemoryProvider } from './provider.ts';

const anything = z.unknown();
const found = z.object({ results: z.array(z.object({ memory: z.object({ content: z.string() }) })) });

export function makeRetainDb(service: Service, project: string): MemoryProvider {
  return {
    title: 'RetainDB',
    async recall({ subject, text, limit, signal }) {
      // Without include_pending what was said a moment ago would be missing.
      const json = { project, user_id: subject, query: text, include_pending: true, top_k: limit };
      const { results } = await service.ask({ method: 'POST', path: '/v1/memory/search', json, shape: found, signal });
      return results.map(({ memory }) => memory.content);
    },
    async noteTurn({ subject, session, at, messages }, signal) {
      const timestamp = new Date(at).toISOString();
      const said = messages.map(({ role, text }) => ({ role, content: text, timestamp }));
      const json = { project, user_id: subject, session_id: session, messages: said };
      await service.ask({ method: 'POST', path: '/v1/memory/ingest/session', json, shape: anything, signal });
    },
    async noteMemory({ subject, text }, signal) {
      const json = { project, user_id: subject, content: text, memory_type: 'factual', write_mode: 'async' };
      await service.ask({ method: 'POST', path: '/v1/memory', json, shape: anything, signal });
    },
  };
}
