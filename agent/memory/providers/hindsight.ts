// Hindsight: https://hindsight.vectorize.io, API as in github.com/vectorize-io/hindsight hindsight-clients/go/api/openapi.yaml at da9a588
// (2026-08-22; read 2026-11-21). Each subject has a bank of its own, which comes into being when it is first used.
import { z } from 'zod';
import type { Service } from './http.ts';
import type { MemoryProvider } from './provider.ts';

/** Of all facts of one answer. */
const RECALL_TOKENS = 1_024;

const anything = z.unknown();
const retained = z.object({ success: z.literal(true) });
const recalled = z.object({ results: z.array(z.object({ text: z.string() })) });

export function makeHindsight(service: Service, workspace: string): MemoryProvider {
  const bank = (subject: string) => `/v1/default/banks/${workspace}-${subject}`;
  const retain = (subject: string, item: object, signal: AbortSignal) =>
    service.ask({
      method: 'POST',
      path: `${bank(subject)}/memories`,
      json: { items: [item], async: true },
      shape: retained,
      signal,
    });
  return {
    title: 'Hindsight',
    async recall({ subject, text, limit, signal }) {
      const { results } = await service.ask({
        method: 'POST',
        path: `${bank(subject)}/memories/recall`,
        json: { query: text, budget: 'low', max_tokens: RECALL_TOKENS },
        shape: recalled,
        notFound: { results: [] },
        signal,
      });
      return results.slice(0, limit).map((result) => result.text);
    },
    async noteTurn({ subject, turn, at, messages }, signal) {
      const content = messages.map(({ role, text }) => `${role}: ${text}`).join('\n\n');
      // A document that is there already is replaced, so a repeated turn stays one.
      const timestamp = new Date(at).toISOString();
      await retain(subject, { content, context: 'conversation', document_id: turn, timestamp }, signal);
    },
    async noteMemory({ subject, id, text }, signal) {
      await retain(subject, { content: text, context: 'remembered fact', document_id: id }, signal);
    },
    async forgetAll(subject, signal) {
      await service.ask({ method: 'DELETE', path: bank(subject), shape: anything, notFound: null, signal });
    },
    async forgetItem({ subject, id }, signal) {
      // What was made of a document goes with it.
      const path = `${bank(subject)}/documents/${id}`;
      await service.ask({ method: 'DELETE', path, shape: anything, notFound: null, signal });
    },
  };
}
