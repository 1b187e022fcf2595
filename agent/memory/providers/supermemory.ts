// Supermemory: https://supermemory.ai/docs, API v3 and v4 as in github.com/supermemoryai/supermemory apps/docs at 3487666 (2026-08-20; read
// 2026-11-21). Each subject is a container tag; tags are of [a-zA-Z0-9_:-].
import { z } from 'zod';
import type { Service } from './http.ts';
import type { MemoryProvider } from './provider.ts';

/** Of one memory. */
const MEMORY_CHARS = 10_000;

const anything = z.unknown();
const found = z.object({
  results: z.array(z.object({ memory: z.string().nullish(), chunk: z.string().nullish() })),
});

export function makeSupermemory(service: Service, workspace: string): MemoryProvider {
  const tag = (subject: string) => `${workspace}:${subject}`;
  return {
    title: 'Supermemory',
    async recall({ subject, text, limit, signal }) {
      const json = { q: text, containerTag: tag(subject), searchMode: 'hybrid', limit };
      const { results } = await service.ask({ method: 'POST', path: '/v4/search', json, shape: found, signal });
      return results.flatMap(({ memory, chunk }) => memory ?? chunk ?? []);
    },
    async noteTurn({ subject, turn, messages }, signal) {
      const content = messages.map(({ role, text }) => `${role}: ${text}`).join('\n\n');
      // The same customId is the same document, so a repeated turn stays one.
      const json = { content, containerTag: tag(subject), customId: turn };
      await service.ask({ method: 'POST', path: '/v3/documents', json, shape: anything, signal });
    },
    async noteMemory({ subject, text }, signal) {
      const memories = [{ content: text.slice(0, MEMORY_CHARS), isStatic: false }];
      const json = { memories, containerTag: tag(subject) };
      await service.ask({ method: 'POST', path: '/v4/memories', json, shape: anything, signal });
    },
  };
}
