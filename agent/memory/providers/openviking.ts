// OpenViking: API as in github.com/volcengine/OpenViking docs/en/api at 6e944cc (2026-08-22; read 2026-11-21). The server must run in its mode
// `trusted`: there each request names the user whom it is for. In its mode `api_key` all would be one user, so the server refuses these
// requests, and nothing is mixed up.
import { z } from 'zod';
import type { Service } from './http.ts';
import type { MemoryProvider } from './provider.ts';

/** What is uncommitted becomes memory when so many messages came, or when nothing came for so long. */
const COMMIT = { message_count_threshold: 20, idle_timeout_seconds: 3_600 };
/** Sessions that are known to exist there. */
const MAX_KNOWN = 1_000;

const done = z.object({ status: z.literal('ok') });
const sessions = z.object({ status: z.literal('ok'), result: z.array(z.object({ session_id: z.string() })) });
const found = z.object({
  status: z.literal('ok'),
  result: z.object({
    memories: z.array(z.object({ abstract: z.string().nullish(), overview: z.string().nullish() })),
  }),
});

export function makeOpenViking(service: Service, workspace: string): MemoryProvider {
  const known = new Set<string>();
  const asUser = (subject: string) => ({ 'x-openviking-account': workspace, 'x-openviking-user': subject });
  const send = (subject: string, path: string, json: object, signal: AbortSignal) =>
    service.ask({ method: 'POST', path, json, headers: asUser(subject), shape: done, signal });
  return {
    title: 'OpenViking',
    async recall({ subject, text, limit, signal }) {
      const { result } = await service.ask({
        method: 'POST',
        path: '/api/v1/search/find',
        headers: asUser(subject),
        json: { query: text, target_uri: 'viking://~/memories', limit },
        shape: found,
        notFound: { status: 'ok', result: { memories: [] } },
        signal,
      });
      return result.memories.map(({ abstract, overview }) => (overview ?? '') || (abstract ?? ''));
    },
    async noteTurn({ subject, session, at, messages }, signal) {
      if (!known.has(session)) {
        await send(subject, '/api/v1/sessions', { session_id: session, auto_commit_policy: COMMIT }, signal).catch(
          (error: unknown) => {
            if (!isThere(error)) throw error;
          },
        );
        if (known.size >= MAX_KNOWN) known.clear();
        known.add(session);
      }
      const created = new Date(at).toISOString();
      const said = messages.map(({ role, text }) => ({ role, content: text, created_at: created }));
      await send(subject, `/api/v1/sessions/${session}/messages/batch`, { messages: said }, signal);
    },
    async forgetAll(subject, signal) {
      const headers = asUser(subject);
      const remove = (path: string) =>
        service.ask({ method: 'DELETE', path, headers, shape: done, notFound: { status: 'ok' }, signal });
      // Sessions first: what is uncommitted in them would become memory.
      const { result } = await service.ask({
        method: 'GET',
        path: '/api/v1/sessions',
        headers,
        shape: sessions,
        notFound: { status: 'ok', result: [] },
        signal,
      });
      for (const { session_id: id } of result) await remove(`/api/v1/sessions/${encodeURIComponent(id)}`);
      await remove(`/api/v1/fs?uri=${encodeURIComponent('viking://~/memories')}&recursive=true`);
      known.clear();
    },
    async endSession({ subject, session }, signal) {
      if (!known.has(session)) return;
      await send(subject, `/api/v1/sessions/${session}/commit`, {}, signal);
    },
  };
}

/** A session that was made before is not made again (409). */
function isThere(error: unknown): boolean {
  return error instanceof Error && error.cause instanceof Error && error.cause.message.startsWith('409');
}
