// Supermemory: https://supermemory.ai/docs, API v3 and v4 as in github.com/supermemoryai/supermemory apps/docs at 3487666 (2026-08-20; read
// 2026-11-21). Each subject is a container tag; tags are of [a-zA-Z0-9_:-].
import { z } from 'zod';
import type { Service } from './http.ts';
import type { MemoryProvider } from './provider.ts';

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
    async noteMemory({ subject, id, text }, signal) {
      // A memory made directly (/v4/memories) has no name of ours, and could be deleted only by who still knows its text.
      const json = { content: text, containerTag: tag(subject), customId: id };
      await service.ask({ method: 'POST', path: '/v3/documents', json, shape: anything, signal });
    },
    async forgetAll(subject, signal) {
      const path = `/v3/container-tags/${encodeURIComponent(tag(subject))}`;
      await service.ask({ method: 'DELETE', path, shape: anything, notFound: null, signal });
    },
    async forgetItem({ id }, signal) {
      // By customId, with what was made of it.
      await service.ask({ method: 'DELETE', path: `/v3/documents/${id}`, shape: anything, notFound: null, signal });
    },
  };
}
