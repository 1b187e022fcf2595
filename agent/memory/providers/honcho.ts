// Honcho: https://docs.honcho.dev, API v3 as in github.com/plastic-labs/honcho src/routers and src/schemas/api.py at ddbb90e (2026-08-20; read
// 2026-11-21). Each subject is a peer; Herald is another one. What Honcho concluded of a peer comes as markdown, a fact per line.
import { z } from 'zod';
import type { Service } from './http.ts';
import type { MemoryProvider } from './provider.ts';

/** Name of Herald's own peer. */
const SELF = 'herald';
/** Of one message: settings.MAX_MESSAGE_SIZE is 25,000 by default. */
const MESSAGE_CHARS = 20_000;

/** Of a list: the most that a page may have, and pages that are read. */
const PAGE = 100;
const MAX_PAGES = 200;

const anything = z.unknown();
const ids = z.object({ items: z.array(z.object({ id: z.string() })), pages: z.int().nullish() });
const representation = z.object({ representation: z.string() });

export function makeHoncho(service: Service, workspace: string): MemoryProvider {
  const root = `/v3/workspaces/${workspace}`;
  /** What exists there for certain. Making it again gives what is there, so forgetting this does no harm. */
  const made = new Set<string>();

  async function make(key: string, path: string, json: object, signal: AbortSignal): Promise<void> {
    if (made.has(key)) return;
    await service.ask({ method: 'POST', path, json, shape: anything, signal });
    if (made.size > 1_000) made.clear();
    made.add(key);
  }

  async function makePeer(subject: string, signal: AbortSignal): Promise<void> {
    await make('workspace', '/v3/workspaces', { id: workspace }, signal);
    await make(SELF, `${root}/peers`, { id: SELF, configuration: { observe_me: false } }, signal);
    await make(subject, `${root}/peers`, { id: subject }, signal);
  }

  async function list(path: string, json: object, signal: AbortSignal): Promise<readonly string[]> {
    const found: string[] = [];
    for (let page = 1, last = 1; page <= last && page <= MAX_PAGES; page++) {
      const answer = await service.ask({
        method: 'POST',
        path: `${path}?page=${page}&size=${PAGE}`,
        json,
        shape: ids,
        // Nothing was ever said of them.
        notFound: { items: [] },
        signal,
      });
      for (const { id } of answer.items) found.push(id);
      last = answer.pages ?? 1;
    }
    return found;
  }

  async function remove(path: string, signal: AbortSignal): Promise<void> {
    await service.ask({ method: 'DELETE', path, shape: anything, notFound: null, signal });
  }

  return {
    title: 'Honcho',
    async recall({ subject, text, limit, signal }) {
      const answer = await service.ask({
        method: 'POST',
        path: `${root}/peers/${subject}/representation`,
        json: { search_query: text, search_top_k: limit, max_conclusions: limit },
        shape: representation,
        // Nothing was said of them yet.
        notFound: { representation: '' },
        signal,
      });
      return readFacts(answer.representation);
    },
    async noteTurn({ subject, session, at, messages }, signal) {
      await makePeer(subject, signal);
      await make(session, `${root}/sessions`, { id: session, peers: { [subject]: {}, [SELF]: {} } }, signal);
      await service.ask({
        method: 'POST',
        path: `${root}/sessions/${session}/messages`,
        json: {
          messages: messages.map(({ role, text }) => ({
            content: text.slice(0, MESSAGE_CHARS),
            peer_id: role === 'user' ? subject : SELF,
            created_at: new Date(at).toISOString(),
          })),
        },
        shape: anything,
        signal,
      });
    },
    async noteMemory({ subject, text }, signal) {
      await makePeer(subject, signal);
      await service.ask({
        method: 'POST',
        path: `${root}/conclusions`,
        json: { conclusions: [{ content: text, observer_id: subject, observed_id: subject }] },
        shape: anything,
        signal,
      });
    },
    async forgetAll(subject, signal) {
      const sessions = await list(`${root}/peers/${subject}/sessions`, {}, signal);
      for (const session of sessions) await remove(`${root}/sessions/${encodeURIComponent(session)}`, signal);
      for (const filters of [{ observed_id: subject }, { observer_id: subject }])
        for (const id of await list(`${root}/conclusions/list`, { filters }, signal))
          await remove(`${root}/conclusions/${encodeURIComponent(id)}`, signal);
      // The sessions are made anew when something is said in them.
      made.clear();
    },
    async forgetSession({ session }, signal) {
      await remove(`${root}/sessions/${session}`, signal);
      made.delete(session);
    },
    async check(signal) {
      made.delete('workspace');
      await make('workspace', '/v3/workspaces', { id: workspace }, signal);
    },
  };
}

/** Headings go, list marks and times too. */
function readFacts(markdown: string): readonly string[] {
  return markdown
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.replace(/^(?:[-*]|\d+\.)\s+/, '').replace(/^\[[^\]]{8,40}\]\s*/, ''));
}
