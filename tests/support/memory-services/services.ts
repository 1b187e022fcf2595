// The memory services as their documentation tells (sources stand in agent/memory/providers): paths, headers and bodies are checked, and
// whoever is told something finds it again by a word of it.
import { z } from 'zod';
import type { Asked, Answer, Handler } from './loopback.ts';

export const SERVICE_KEY = 'key-0123456789-memory-service';

/** What was told of whom; a fact is found by any of its longer words. */
class Facts {
  readonly #of = new Map<string, Map<string, string>>();

  add(subject: string, text: string, id = text): void {
    const facts = this.#of.get(subject) ?? new Map<string, string>();
    this.#of.set(subject, facts.set(id, text));
  }

  find(subject: string, query: string): readonly string[] {
    const words = query.toLowerCase().match(/\p{L}{3,}/gu) ?? [];
    const facts = [...(this.#of.get(subject)?.values() ?? [])];
    return facts.filter((fact) => words.some((word) => fact.toLowerCase().includes(word)));
  }

  /** Of a subject, by the ids that they were told under. */
  entries(subject: string): readonly (readonly [id: string, text: string])[] {
    return [...(this.#of.get(subject) ?? [])];
  }

  remove(subject: string, id?: string): boolean {
    if (id === undefined) return this.#of.delete(subject);
    return this.#of.get(subject)?.delete(id) ?? false;
  }

  subjects(): readonly string[] {
    return [...this.#of.keys()];
  }

  has(subject: string): boolean {
    return this.#of.has(subject);
  }
}

type Given = Answer | { violation: string };

/** The body in the shape that the API takes, or what is wrong with it. */
function taken<Body>(asked: Asked, shape: z.ZodType<Body>, act: (body: Body) => Given): Given {
  const parsed = shape.safeParse(asked.body);
  return parsed.success ? act(parsed.data) : { violation: parsed.error.message };
}

function withKey(scheme: 'Bearer' | 'Token', handler: Handler): Handler {
  return (asked) =>
    asked.headers.authorization === `${scheme} ${SERVICE_KEY}`
      ? handler(asked)
      : { status: 401, json: { error: 'key' } };
}

const routeOf = ({ method, path }: Asked) => `${method} ${path}`;
const ok = (json: unknown = {}): Answer => ({ status: 200, json });
const unknownRoute = { violation: 'no such route' };
const text = z.string().min(1);
const name = z.string().regex(/^[a-zA-Z0-9_-]{1,512}$/);
const said = z.array(z.strictObject({ role: z.enum(['user', 'assistant']), content: text })).min(1);

export function honcho(): Handler {
  const facts = new Facts();
  const workspaces = new Set<string>();
  const peers = new Set<string>();
  const sessions = new Map<string, ReadonlySet<string>>();
  /** Session of a fact, by the fact's id. */
  const saidIn = new Map<string, string>();
  let count = 0;
  const page = (asked: Asked, ids: readonly string[]) => {
    const query = new URLSearchParams(asked.query);
    const [number, size] = [Number(query.get('page')), Number(query.get('size'))];
    if (!(number >= 1) || !(size >= 1 && size <= 100)) return { violation: 'a page that there is not' };
    const items = ids.slice((number - 1) * size, number * size).map((id) => ({ id }));
    return ok({ items, total: ids.length, page: number, size, pages: Math.ceil(ids.length / size) });
  };
  const forget = (rest: string): Given => {
    const [, what, id = ''] = /^(sessions|conclusions)\/([^/]+)$/.exec(rest) ?? [];
    if (what === 'sessions') {
      if (!sessions.delete(id)) return { status: 404, json: { detail: 'Session not found' } };
      for (const peer of facts.subjects())
        for (const [fact] of facts.entries(peer)) if (saidIn.get(fact) === id) facts.remove(peer, fact);
      return { status: 202, json: { message: 'Session deleted successfully' } };
    }
    if (what !== 'conclusions') return unknownRoute;
    return facts.subjects().some((peer) => facts.remove(peer, id)) ? { status: 204 } : { status: 404 };
  };
  return withKey('Bearer', (asked) => {
    if (routeOf(asked) === 'POST /v3/workspaces')
      return taken(asked, z.strictObject({ id: name }), ({ id }) => (workspaces.add(id), ok({ id })));
    const [, workspace = '', rest = ''] = /^\/v3\/workspaces\/([^/]+)\/(.+)$/.exec(asked.path) ?? [];
    if (asked.method === 'DELETE' && workspaces.has(workspace)) return forget(rest);
    if (asked.method !== 'POST' || workspace === '') return unknownRoute;
    const [, ofPeer] = /^peers\/([^/]+)\/sessions$/.exec(rest) ?? [];
    if (ofPeer !== undefined)
      return taken(asked, z.strictObject({}), () =>
        workspaces.has(workspace)
          ? page(
              asked,
              [...sessions].flatMap(([id, members]) => (members.has(ofPeer) ? [id] : [])),
            )
          : { status: 404 },
      );
    if (rest === 'conclusions/list') {
      const shape = z.strictObject({
        filters: z.union([z.strictObject({ observed_id: name }), z.strictObject({ observer_id: name })]),
      });
      return taken(asked, shape, ({ filters }) => {
        const of = 'observed_id' in filters ? filters.observed_id : filters.observer_id;
        return page(
          asked,
          facts.entries(of).map(([id]) => id),
        );
      });
    }
    const [, peer] = /^peers\/([^/]+)\/representation$/.exec(rest) ?? [];
    if (peer !== undefined) {
      const shape = z.strictObject({
        search_query: text,
        search_top_k: z.int().max(100),
        max_conclusions: z.int().max(100),
      });
      return taken(asked, shape, ({ search_query: query }) => {
        if (!workspaces.has(workspace) || !peers.has(peer)) return { status: 404, json: { detail: 'Peer not found' } };
        const lines = facts.find(peer, query).map((fact) => `[2026-11-21 12:00:00] ${fact}`);
        return ok({ representation: `## Explicit Observations\n\n${lines.join('\n')}\n` });
      });
    }
    if (!workspaces.has(workspace)) return { violation: 'a workspace that was never made' };
    if (rest === 'peers') {
      const shape = z.strictObject({ id: name, configuration: z.strictObject({ observe_me: z.boolean() }).optional() });
      return taken(asked, shape, ({ id }) => (peers.add(id), ok({ id })));
    }
    if (rest === 'sessions')
      return taken(asked, z.strictObject({ id: name, peers: z.record(name, z.strictObject({})) }), (body) => {
        sessions.set(body.id, new Set(Object.keys(body.peers)));
        return ok({ id: body.id });
      });
    if (rest === 'conclusions') {
      const one = z.strictObject({ content: text.max(65_535), observer_id: name, observed_id: name });
      return taken(asked, z.strictObject({ conclusions: z.array(one).min(1).max(100) }), ({ conclusions }) => {
        if (conclusions.some(({ observed_id: id }) => !peers.has(id)))
          return { violation: 'a peer that was never made' };
        for (const { content, observed_id: id } of conclusions) facts.add(id, content, `conclusion-${count++}`);
        return { status: 201, json: conclusions };
      });
    }
    const [, session] = /^sessions\/([^/]+)\/messages$/.exec(rest) ?? [];
    const members = sessions.get(session ?? '');
    if (!members) return unknownRoute;
    const message = z.strictObject({ content: text.max(25_000), peer_id: name, created_at: z.iso.datetime() });
    return taken(asked, z.strictObject({ messages: z.array(message).min(1).max(100) }), ({ messages }) => {
      for (const { peer_id: id, content } of messages) {
        if (!members.has(id)) return { violation: 'a message of somebody who is not there' };
        const fact = `message-${count++}`;
        saidIn.set(fact, session ?? '');
        facts.add(id, content, fact);
      }
      return { status: 201, json: messages };
    });
  });
}

export function mem0(): Handler {
  const facts = new Facts();
  const metadataOf = new Map<string, Record<string, string>>();
  let count = 0;
  return withKey('Token', (asked) => {
    switch (routeOf(asked)) {
      case 'DELETE /v1/memories/': {
        const user = new URLSearchParams(asked.query).get('user_id');
        if (user === null || !name.safeParse(user).success) return { violation: 'a deletion of everybody' };
        facts.remove(user);
        return ok({ message: 'Delete in progress. This may take some time.' });
      }
      case 'DELETE /v1/batch/': {
        const shape = z.strictObject({
          memories: z
            .array(z.strictObject({ memory_id: text }))
            .min(1)
            .max(1000),
        });
        return taken(asked, shape, ({ memories }) => {
          for (const { memory_id: id } of memories) for (const user of facts.subjects()) facts.remove(user, id);
          return ok({ message: `Successfully deleted ${memories.length} memories` });
        });
      }
      case 'POST /v3/memories/': {
        const query = new URLSearchParams(asked.query);
        const [number, size] = [Number(query.get('page')), Number(query.get('page_size'))];
        if (!(number >= 1) || !(size >= 1 && size <= 200)) return { violation: 'a page that there is not' };
        const shape = z.strictObject({ filters: z.strictObject({ user_id: name }), show_expired: z.boolean() });
        return taken(asked, shape, ({ filters }) => {
          // Smaller than asked for, so that there is more than one.
          const all = facts.entries(filters.user_id);
          const results = all
            .slice((number - 1) * 2, number * 2)
            .map(([id, memory]) => ({ id, memory, metadata: metadataOf.get(id) ?? null }));
          return ok({ count: all.length, next: number * 2 < all.length ? 'https://next' : null, results });
        });
      }
      case 'POST /v3/memories/add/': {
        const shape = z.strictObject({
          messages: said,
          user_id: name,
          infer: z.boolean().optional(),
          metadata: z.record(z.string(), z.string()),
        });
        return taken(asked, shape, ({ messages, user_id: user, metadata }) => {
          for (const { content } of messages) {
            const id = `memory-${count++}`;
            metadataOf.set(id, metadata);
            facts.add(user, content, id);
          }
          return ok({ event_id: 'evt-1', status: 'PENDING' });
        });
      }
      case 'POST /v3/memories/search/': {
        const shape = z.strictObject({
          query: text,
          filters: z.strictObject({ user_id: name }),
          top_k: z.int().min(1).max(1000),
        });
        return taken(asked, shape, ({ query, filters }) =>
          ok({
            results: facts
              .find(filters.user_id, query)
              .map((memory) => ({ id: '1', memory, score: 0.8, user_id: filters.user_id })),
          }),
        );
      }
      default:
        return unknownRoute;
    }
  });
}

export function hindsight(): Handler {
  const facts = new Facts();
  return withKey('Bearer', (asked) => {
    if (asked.method === 'DELETE') {
      const [, of, document] = /^\/v1\/default\/banks\/([^/]+)(?:\/documents\/([^/]+))?$/.exec(asked.path) ?? [];
      if (of === undefined) return unknownRoute;
      if (document !== undefined && !facts.remove(of, document)) return { status: 404, json: { detail: 'not found' } };
      if (document === undefined) facts.remove(of);
      return ok({ success: true, message: 'deleted' });
    }
    const [, bank, recall] = /^\/v1\/default\/banks\/([^/]+)\/memories(\/recall)?$/.exec(asked.path) ?? [];
    if (asked.method !== 'POST' || bank === undefined) return unknownRoute;
    if (recall !== undefined) {
      const shape = z.strictObject({ query: text, budget: z.enum(['low', 'mid', 'high']), max_tokens: z.int() });
      return taken(asked, shape, ({ query }) =>
        ok({ results: facts.find(bank, query).map((fact, id) => ({ id: String(id), text: fact, type: 'world' })) }),
      );
    }
    const item = z.strictObject({
      content: text,
      context: z.string().optional(),
      document_id: z.string(),
      timestamp: z.iso.datetime().optional(),
    });
    return taken(asked, z.strictObject({ items: z.array(item).min(1), async: z.boolean() }), ({ items }) => {
      for (const { content, document_id: id } of items) facts.add(bank, content, id);
      return ok({ success: true, bank_id: bank, items_count: items.length, async: true });
    });
  });
}

export function supermemory(): Handler {
  const facts = new Facts();
  const tag = z.string().regex(/^[a-zA-Z0-9_:-]{1,100}$/);
  const forget = (path: string): Given => {
    const [, what, id = ''] = /^\/v3\/(documents|container-tags)\/([^/]+)$/.exec(path) ?? [];
    if (what === undefined) return unknownRoute;
    const isGone =
      what === 'container-tags'
        ? facts.remove(decodeURIComponent(id))
        : facts.subjects().some((one) => facts.remove(one, id));
    return isGone ? { status: what === 'documents' ? 204 : 200 } : { status: 404, json: { error: 'not found' } };
  };
  return withKey('Bearer', (asked) => {
    if (asked.method === 'DELETE') return forget(asked.path);
    switch (routeOf(asked)) {
      case 'POST /v3/documents':
        return taken(asked, z.strictObject({ content: text, containerTag: tag, customId: name.max(100) }), (body) => {
          facts.add(body.containerTag, body.content, body.customId);
          return ok({ id: '1', status: 'queued' });
        });
      case 'POST /v4/search': {
        const shape = z.strictObject({ q: text, containerTag: tag, searchMode: z.literal('hybrid'), limit: z.int() });
        return taken(asked, shape, ({ q, containerTag }) => {
          const found = facts.find(containerTag, q);
          // Facts and pieces of documents come side by side.
          const results = found.map((one, index) =>
            index % 2 === 0 ? { id: 'a', memory: one } : { id: 'b', chunk: one },
          );
          return ok({ results, timing: 9, total: found.length });
        });
      }
      default:
        return unknownRoute;
    }
  });
}

export function openviking(): Handler {
  const facts = new Facts();
  const sessions = new Set<string>();
  const result = (value: unknown) => ok({ status: 'ok', result: value, time: 0.1 });
  return withKey('Bearer', (asked) => {
    const { 'x-openviking-account': account, 'x-openviking-user': user } = asked.headers;
    if (account !== 'herald' || typeof user !== 'string') return { violation: 'nobody whom it is for' };
    if (routeOf(asked) === 'GET /api/v1/sessions')
      return result(
        [...sessions].flatMap((key) =>
          key.startsWith(`${user} `) ? [{ session_id: key.slice(user.length + 1), uri: 'viking://x' }] : [],
        ),
      );
    if (asked.method === 'DELETE') {
      if (asked.path === '/api/v1/fs') {
        const query = new URLSearchParams(asked.query);
        if (query.get('uri') !== 'viking://~/memories' || query.get('recursive') !== 'true')
          return { violation: 'not the memories of the user' };
        facts.remove(user);
        return result({ uri: 'viking://user/x/memories' });
      }
      const [, id] = /^\/api\/v1\/sessions\/([^/]+)$/.exec(asked.path) ?? [];
      if (id === undefined) return unknownRoute;
      if (!sessions.delete(`${user} ${id}`)) return { status: 404, json: { status: 'error' } };
      return result({ session_id: id });
    }
    if (asked.method !== 'POST') return unknownRoute;
    if (asked.path === '/api/v1/search/find') {
      const shape = z.strictObject({ query: text, target_uri: z.literal('viking://~/memories'), limit: z.int() });
      return taken(asked, shape, ({ query }) => {
        const memories = facts
          .find(user, query)
          .map((abstract) => ({ uri: 'viking://x', abstract, overview: null, score: 0.7 }));
        return result({ memories, resources: [], skills: [], total: memories.length });
      });
    }
    if (asked.path === '/api/v1/sessions') {
      const policy = z.strictObject({ message_count_threshold: z.int(), idle_timeout_seconds: z.int() });
      return taken(asked, z.strictObject({ session_id: name, auto_commit_policy: policy }), ({ session_id: id }) => {
        const key = `${user} ${id}`;
        if (sessions.has(key)) return { status: 409, json: { status: 'error', error: { code: 'ALREADY_EXISTS' } } };
        sessions.add(key);
        return result({ session_id: id });
      });
    }
    const [, session, action] = /^\/api\/v1\/sessions\/([^/]+)\/(messages\/batch|commit)$/.exec(asked.path) ?? [];
    if (session === undefined || !sessions.has(`${user} ${session}`)) return unknownRoute;
    if (action === 'commit') return taken(asked, z.strictObject({}), () => result({ status: 'accepted' }));
    const message = z.strictObject({
      role: z.enum(['user', 'assistant']),
      content: text,
      created_at: z.iso.datetime(),
    });
    return taken(asked, z.strictObject({ messages: z.array(message).min(1).max(100) }), ({ messages }) => {
      for (const { content } of messages) facts.add(user, content);
      return result({ session_id: session, message_count: messages.length });
    });
  });
}

export function retaindb(): Handler {
  const facts = new Facts();
  const of = { project: z.literal('herald'), user_id: name };
  return withKey('Bearer', (asked) => {
    switch (routeOf(asked)) {
      case 'POST /v1/memory/ingest/session': {
        const turn = z.strictObject({
          role: z.enum(['user', 'assistant']),
          content: text,
          timestamp: z.iso.datetime(),
        });
        return taken(asked, z.strictObject({ ...of, session_id: name, messages: z.array(turn).min(1) }), (body) => {
          for (const { content } of body.messages) facts.add(body.user_id, content);
          return { status: 202, json: { success: true, job_id: 'j', trace_id: 't' } };
        });
      }
      case 'POST /v1/memory': {
        const kind = { memory_type: z.enum(['factual', 'preference']), write_mode: z.literal('async') };
        return taken(asked, z.strictObject({ ...of, content: text, ...kind }), (body) => {
          facts.add(body.user_id, body.content);
          return ok({ success: true, mode: 'async', trace_id: 't' });
        });
      }
      case 'POST /v1/memory/search': {
        const shape = z.strictObject({ ...of, query: text, include_pending: z.literal(true), top_k: z.int() });
        return taken(asked, shape, ({ user_id: user, query }) => {
          const results = facts.find(user, query).map((content) => ({ memory: { id: 'm', content }, score: 0.8 }));
          return ok({ results, count: results.length, trace_id: 't' });
        });
      }
      default:
        return unknownRoute;
    }
  });
}
